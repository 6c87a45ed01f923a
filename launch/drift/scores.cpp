#include "launch/drift/scores.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>

namespace ringtrain::drift {
namespace {

constexpr std::int64_t kMostScores = 20, kMostRows = 10'000, kMostNumbers = 400'000, kRowsAtOnce = 1024;

std::vector<std::int64_t> spread(std::int64_t size, std::int64_t features) {
  const auto most =
      std::clamp(kMostNumbers / std::max<std::int64_t>(1, features), std::int64_t{500}, kMostRows);
  const auto count = std::min(size, most);
  std::vector<std::int64_t> places;
  for (std::int64_t i = 0; i < count; ++i) places.push_back(i * size / count);
  return places;
}

}  // namespace

std::vector<std::string> score_names(const Manifest& manifest) {
  const auto& head = manifest.head;
  const auto& labels = manifest.preprocessing.labels;
  if (head.form == AnswerForm::tokens) return {};
  if (head.is_binary()) return {fmt::format("score of {}", labels.size() > 1 ? labels[1] : "class 1")};
  std::vector<std::string> names;
  for (std::int64_t k = 0; k < std::min(head.width(), kMostScores); ++k) {
    const auto place = static_cast<std::size_t>(k);
    if (head.form != AnswerForm::values)
      names.push_back(fmt::format("score of {}", place < labels.size() ? labels[place] : std::to_string(k)));
    else
      names.push_back(place < head.names.size() ? "prediction of " + head.names[place] : "prediction");
  }
  return names;
}

std::vector<std::vector<double>> score_columns(const Manifest& manifest, const at::Tensor& answers) {
  const auto matrix = answers.to(at::kDouble).reshape({answers.size(0), -1});
  std::vector<std::vector<double>> columns;
  const std::int64_t first = manifest.head.is_binary() ? 1 : 0;
  for (std::size_t k = 0; k < score_names(manifest).size(); ++k) {
    const auto column = matrix.select(1, first + static_cast<std::int64_t>(k)).contiguous();
    const auto* const numbers = column.const_data_ptr<double>();
    columns.emplace_back(numbers, numbers + column.numel());
  }
  return columns;
}

std::vector<Distribution> scores_of_trained(const Manifest& manifest, const PreparedData& data,
                                            const Network& model, std::string& part) {
  const auto names = score_names(manifest);
  part = data.validation->size() > 0 ? "validation" : "training";
  const auto& rows = data.validation->size() > 0 ? *data.validation : *data.train;
  const auto places = spread(rows.size(), data.features);
  if (names.empty() || places.empty()) return {};
  const at::NoGradGuard no_grad;
  const bool was_training = model->is_training();
  model->eval();
  std::vector<std::vector<double>> scores(names.size());
  const auto device = model->parameters().front().device();
  for (std::size_t begin = 0; begin < places.size(); begin += kRowsAtOnce) {
    const auto end = std::min(begin + kRowsAtOnce, places.size());
    const std::vector<std::int64_t> some(places.begin() + static_cast<std::ptrdiff_t>(begin),
                                         places.begin() + static_cast<std::ptrdiff_t>(end));
    const auto outputs = model.forward(rows.read(some).inputs.to(device)).to(at::kCPU);
    const auto columns =
        score_columns(manifest, answer_scores(manifest.head, scores_of(manifest.head, outputs, at::kDouble)));
    for (std::size_t k = 0; k < names.size(); ++k)
      scores[k].insert(scores[k].end(), columns[k].begin(), columns[k].end());
  }
  model->train(was_training);
  std::vector<Distribution> result;
  for (std::size_t k = 0; k < names.size(); ++k)
    result.push_back(distribution_of_numbers(names[k], std::move(scores[k])));
  return result;
}

}  // namespace ringtrain::drift
