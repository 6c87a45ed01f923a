#include "serving/predict/score_columns.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

namespace ringtrain {

std::vector<std::string> score_names(const Manifest& manifest) {
  constexpr std::int64_t most = 20;
  const auto& head = manifest.head;
  const auto& labels = manifest.preprocessing.labels;
  if (head.form == AnswerForm::tokens) return {};
  if (head.is_binary()) return {fmt::format("score of {}", labels.size() > 1 ? labels[1] : "class 1")};
  std::vector<std::string> names;
  for (std::int64_t k = 0; k < std::min(head.width(), most); ++k) {
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

}  // namespace ringtrain
