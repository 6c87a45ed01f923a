#include "serving/rollout/answer_comparison.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "serving/predict/model_outputs.h"

namespace ringtrain {
namespace {

/// [n, k] float64; [n] is [n, 1].
at::Tensor numbers_of(const at::Tensor& answers) {
  return answers.reshape({answers.size(0), -1}).to(at::kDouble).contiguous();
}

}  // namespace

std::vector<double> scores_in(const Predictor::Answers& answers) {
  constexpr std::int64_t kMostRows = 100;
  const bool is_value = answers.predictions.defined();
  const auto& from = is_value ? answers.predictions : answers.probabilities;
  std::vector<double> scores;
  if (!from.defined() || from.size(0) == 0) return scores;
  const at::Tensor numbers = numbers_of(from.narrow(0, 0, std::min(from.size(0), kMostRows)));
  const auto width = numbers.size(1);
  const auto* row = numbers.const_data_ptr<double>();
  const bool is_binary = !is_value && answers.classes.defined() && width == 2;
  for (std::int64_t r = 0; r < numbers.size(0); ++r, row += width)
    scores.push_back(is_value ? row[0] : is_binary ? row[1] : *std::max_element(row, row + width));
  return scores;
}

AnswerComparison compare_answers(const Predictor::Answers& live, const Predictor::Answers& candidate) {
  AnswerComparison comparison;
  if (live.predictions.defined()) {
    comparison.of_values = true;
    const at::Tensor difference =
        (numbers_of(live.predictions) - numbers_of(candidate.predictions)).abs().mean(1);
    const at::Tensor finite = difference.masked_select(difference.isfinite());
    comparison.rows = static_cast<std::uint64_t>(finite.numel());
    comparison.difference_sum = finite.sum().item<double>();
    return comparison;
  }
  const auto& ours = live.classes.defined() ? live.classes : live.labels;
  const auto& theirs = live.classes.defined() ? candidate.classes : candidate.labels;
  if (!ours.defined()) return comparison;
  comparison.rows = static_cast<std::uint64_t>(ours.size(0));
  const at::Tensor same = ours.eq(theirs).reshape({ours.size(0), -1}).all(1);
  comparison.agreed = static_cast<std::uint64_t>(same.sum().item<std::int64_t>());
  return comparison;
}

std::vector<double> decisions_in(const Predictor::Answers& answers) {
  const auto& from = answers.classes.defined() ? answers.classes : answers.predictions;
  if (!from.defined() || from.dim() != 1) return {};
  const at::Tensor numbers = from.to(at::kDouble).contiguous();
  const auto* begin = numbers.const_data_ptr<double>();
  return {begin, begin + numbers.numel()};
}

std::optional<double> loss_of(double decision, const std::string& truth, const Manifest& manifest) {
  if (manifest.head.form == AnswerForm::one_class)
    return label_of(manifest, static_cast<std::int64_t>(decision)) == truth ? 0 : 1;
  double value = 0;
  const auto [end, error] = std::from_chars(truth.data(), truth.data() + truth.size(), value);
  if (error != std::errc() || end != truth.data() + truth.size() || !std::isfinite(value))
    return std::nullopt;
  return std::abs(decision - value);
}

}  // namespace ringtrain
