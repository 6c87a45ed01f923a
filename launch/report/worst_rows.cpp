#include "launch/report/worst_rows.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "launch/report/html.h"
#include "launch/report/measures.h"
#include "serving/predict/model_outputs.h"

namespace ringtrain::report {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kRows = 20, kColumns = 12;

/// Names of the table's columns, the important ones first.
std::vector<std::string> columns_by(const Table& table, const ordered_json& importance) {
  std::vector<std::string> names, sorted;
  for (const auto& field : table.numeric_names) names.push_back(field.name);
  names.insert(names.end(), table.categorical_names.begin(), table.categorical_names.end());
  if (importance.contains("columns"))
    for (const auto& column : importance["columns"]) {
      const auto name = column["column"].get<std::string>();
      if (std::find(names.begin(), names.end(), name) != names.end()) sorted.push_back(name);
    }
  for (const auto& name : names)
    if (std::find(sorted.begin(), sorted.end(), name) == sorted.end()) sorted.push_back(name);
  return sorted;
}

std::string value_of(const Table& table, const std::string& name, std::int64_t row) {
  for (std::size_t c = 0; c < table.numeric_names.size(); ++c)
    if (table.numeric_names[c].name == name) {
      const double number = numeric_column(table, static_cast<std::int64_t>(c), {row})[0];
      return std::isnan(number) ? "" : fmt::format("{:.6g}", number);
    }
  for (std::size_t c = 0; c < table.categorical_names.size(); ++c)
    if (table.categorical_names[c] == name) return table.categorical[c][static_cast<std::size_t>(row)];
  return "";
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "none" : text;
}

/// The target, the answer, and how probable the model took the target to be, of one answered row.
void add_answer(const Manifest& manifest, const Evaluation& answers, std::size_t row, ordered_json& entry) {
  const auto width = static_cast<std::size_t>(answers.width),
             targets = static_cast<std::size_t>(answers.target_width);
  const auto* scores = answers.scores.data() + row * width;
  const auto* truth = answers.targets.data() + row * targets;
  if (manifest.head.form == AnswerForm::one_class) {
    const auto one = at::tensor(at::ArrayRef<double>(scores, width), at::kDouble).unsqueeze(0);
    const auto target = std::llround(truth[0]);
    entry["target"] = label_of(manifest, target);
    entry["answer"] = label_of(manifest, decisions_of(manifest.head, one).item<std::int64_t>());
    entry["score"] = finite(scores[static_cast<std::size_t>(target)]);
    return;
  }
  if (manifest.head.form == AnswerForm::labels) {
    std::vector<std::string> given, said;
    for (std::size_t k = 0; k < width; ++k) {
      if (truth[k] > 0.5) given.push_back(label_of(manifest, static_cast<std::int64_t>(k)));
      if (scores[k] >= manifest.head.thresholds[k])
        said.push_back(label_of(manifest, static_cast<std::int64_t>(k)));
    }
    entry["target"] = joined(given);
    entry["answer"] = joined(said);
    return;
  }
  std::vector<std::string> given, said;
  for (std::size_t k = 0; k < targets; ++k) given.push_back(fmt::format("{:.6g}", truth[k]));
  for (std::size_t k = 0; k < width; ++k) said.push_back(fmt::format("{:.6g}", scores[k]));
  entry["target"] = joined(given);
  entry["answer"] = joined(said);
}

}  // namespace

ordered_json worst_rows_of(const AskedModel& model, const AnsweredPart& part,
                           const ordered_json& importance) {
  const auto& losses = part.answers.losses;
  std::vector<std::size_t> order(losses.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto count = std::min(kRows, order.size());
  const auto key = [&](std::size_t i) { return std::isnan(losses[i]) ? INFINITY : losses[i]; };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](std::size_t a, std::size_t b) { return key(a) != key(b) ? key(a) > key(b) : a < b; });
  auto columns = columns_by(*part.table, importance);
  ordered_json json{{"more_columns", columns.size() > kColumns ? columns.size() - kColumns : 0}};
  columns.resize(std::min(columns.size(), kColumns));
  json["columns"] = columns;
  json["rows"] = ordered_json::array();
  for (std::size_t i = 0; i < count; ++i) {
    const auto place = order[i];
    const auto row = part.rows()[place];
    ordered_json entry{{"row", part.table->file_row(row) + 1}, {"loss", finite(losses[place])}};
    add_answer(model.manifest(), part.answers.answers, place, entry);
    entry["values"] = ordered_json::array();
    for (const auto& name : columns) entry["values"].push_back(value_of(*part.table, name, row));
    json["rows"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace ringtrain::report
