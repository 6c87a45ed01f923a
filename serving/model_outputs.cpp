#include "serving/model_outputs.h"

#include <ATen/ATen.h>

namespace ringtrain {

bool is_binary(const Manifest& manifest) { return manifest.task == "binary_classification"; }
bool is_classification(const Manifest& manifest) { return manifest.task != "regression"; }

std::int64_t class_count(const Manifest& manifest) {
  if (!is_classification(manifest)) return 0;
  return is_binary(manifest) ? 2 : static_cast<std::int64_t>(manifest.preprocessing.labels.size());
}

std::int64_t network_outputs(const Manifest& manifest) {
  return is_classification(manifest) && !is_binary(manifest) ? class_count(manifest) : 1;
}

Predictor::Answers answers_of(const Manifest& manifest, const at::Tensor& outputs) {
  Predictor::Answers answers;
  if (!is_classification(manifest)) {
    answers.predictions = outputs.squeeze(1);
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
