#include "serving/predict/model_outputs.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "data/schema/collate.h"

namespace ringtrain {

/// Of logits, or of inputs: 128 MiB of float32.
static constexpr std::int64_t kMostNumbers = 1 << 25;

bool has_several_values(const Head& head) { return head.form == AnswerForm::values && head.outputs > 1; }

std::string label_of(const Manifest& manifest, std::int64_t index) {
  const auto& labels = manifest.preprocessing.labels;
  return static_cast<std::size_t>(index) < labels.size() ? labels[static_cast<std::size_t>(index)]
                                                         : std::to_string(index);
}

std::vector<std::int64_t> output_shape(const Manifest& manifest, std::int64_t rows) {
  if (const auto& tokens = manifest.preprocessing.tokens) return {rows, tokens->context, tokens->vocabulary};
  return {rows, manifest.head.outputs};
}

Fields zero_inputs(const Preprocessing& preprocessing, std::int64_t rows) {
  if (preprocessing.signature) return blank_inputs(*preprocessing.signature, rows);
  if (const auto& tokens = preprocessing.tokens) return at::zeros({rows, tokens->context}, at::kLong);
  const auto coded = static_cast<std::int64_t>(preprocessing.coded().size());
  const at::Tensor numbers = at::zeros({rows, preprocessing.width()});
  if (coded == 0) return numbers;
  std::vector<Fields::Field> inputs;
  if (preprocessing.width() > 0) inputs.emplace_back(kNumericInput, numbers);
  inputs.emplace_back(kCategoriesInput, at::zeros({rows, coded}, at::kLong));
  return Fields(std::move(inputs));
}

std::int64_t rows_at_once(const Manifest& manifest, std::int64_t wanted) {
  const auto& tokens = manifest.preprocessing.tokens;
  if (const auto& signature = manifest.preprocessing.signature; signature && wanted > 0)
    return std::clamp<std::int64_t>(kMostNumbers / signature->values(), 1, wanted);
  return tokens && wanted > 0 ? rows_at_once(*tokens, wanted) : wanted;
}

std::int64_t rows_at_once(const TokenInput& tokens, std::int64_t wanted) {
  return std::clamp<std::int64_t>(kMostNumbers / (tokens.context * tokens.vocabulary), 1, wanted);
}

Predictor::Answers answers_of(const Manifest& manifest, const at::Tensor& outputs) {
  const Head& head = manifest.head;
  const at::Tensor scores = scores_of(head, outputs, at::kFloat);
  Predictor::Answers answers;
  switch (head.form) {
    case AnswerForm::one_class:
      answers.probabilities = answer_scores(head, scores);
      answers.classes = decisions_of(head, answers.probabilities);
      break;
    case AnswerForm::labels:
      answers.probabilities = answer_scores(head, scores);
      answers.labels = decisions_of(head, answers.probabilities);
      break;
    case AnswerForm::values:
      answers.predictions = has_several_values(head) ? scores : scores.squeeze(1);
      break;
    case AnswerForm::tokens:
      answers.logits = scores;
      break;
  }
  return answers;
}

}  // namespace ringtrain
