#include "serving/predict/model_outputs.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace ringtrain {

bool is_binary(const Manifest& manifest) { return manifest.task == "binary_classification"; }
bool is_language_model(const Manifest& manifest) { return manifest.task == "language_model"; }
bool is_classification(const Manifest& manifest) {
  return manifest.task == "classification" || is_binary(manifest);
}

std::int64_t class_count(const Manifest& manifest) {
  if (!is_classification(manifest)) return 0;
  return is_binary(manifest) ? 2 : static_cast<std::int64_t>(manifest.preprocessing.labels.size());
}

std::string label_of(const Manifest& manifest, std::int64_t index) {
  const auto& labels = manifest.preprocessing.labels;
  return static_cast<std::size_t>(index) < labels.size() ? labels[static_cast<std::size_t>(index)]
                                                         : std::to_string(index);
}

std::vector<std::int64_t> output_shape(const Manifest& manifest, std::int64_t rows) {
  if (const auto& tokens = manifest.preprocessing.tokens) return {rows, tokens->context, tokens->vocabulary};
  return {rows, is_classification(manifest) && !is_binary(manifest) ? class_count(manifest) : 1};
}

at::Tensor zero_inputs(const Preprocessing& preprocessing, std::int64_t rows) {
  return preprocessing.tokens ? at::zeros({rows, preprocessing.tokens->context}, at::kLong)
                              : at::zeros({rows, preprocessing.width()});
}

std::int64_t rows_at_once(const Manifest& manifest, std::int64_t wanted) {
  const auto& tokens = manifest.preprocessing.tokens;
  return tokens && wanted > 0 ? rows_at_once(*tokens, wanted) : wanted;
}

std::int64_t rows_at_once(const TokenInput& tokens, std::int64_t wanted) {
  constexpr std::int64_t most = 1 << 25;  // 128 MiB of logits
  return std::clamp<std::int64_t>(most / (tokens.context * tokens.vocabulary), 1, wanted);
}

Predictor::Answers answers_of(const Manifest& manifest, const at::Tensor& outputs) {
  Predictor::Answers answers;
  if (is_language_model(manifest)) {
    answers.logits = outputs;
  } else if (!is_classification(manifest)) {
    const auto& preprocessing = manifest.preprocessing;
    answers.predictions = outputs.squeeze(1);
    if (preprocessing.scales_target())
      answers.predictions =
          answers.predictions * preprocessing.target_scales[0].scale + preprocessing.target_scales[0].shift;
  } else if (is_binary(manifest)) {
    const at::Tensor p = at::sigmoid(outputs);
    answers.probabilities = at::cat({1 - p, p}, 1);
    answers.classes = p.squeeze(1).ge(manifest.threshold).to(at::kLong);
  } else {
    answers.probabilities = at::softmax(outputs, 1);
    answers.classes = answers.probabilities.argmax(1);
  }
  return answers;
}

}  // namespace ringtrain
