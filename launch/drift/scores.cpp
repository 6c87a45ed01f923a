#include "launch/drift/scores.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "serving/predict/score_columns.h"

namespace ringtrain::drift {
namespace {

constexpr std::int64_t kMostRows = 10'000, kMostNumbers = 400'000, kRowsAtOnce = 1024;

std::vector<std::int64_t> spread(std::int64_t size, std::int64_t features) {
  const auto most =
      std::clamp(kMostNumbers / std::max<std::int64_t>(1, features), std::int64_t{500}, kMostRows);
  const auto count = std::min(size, most);
  std::vector<std::int64_t> places;
  for (std::int64_t i = 0; i < count; ++i) places.push_back(i * size / count);
  return places;
}

}  // namespace

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
