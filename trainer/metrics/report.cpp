#include "trainer/metrics/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "common/errors.h"
#include "common/text.h"

namespace ringtrain {
namespace {

std::string shown(double value) { return std::isnan(value) ? "undefined" : fmt::format("{:.6g}", value); }

// Characters of UTF-8 text, for aligning.
std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string padded_left(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, columns_of(text)), ' ').append(text);
}

std::vector<std::string> names_of(const Confusion& confusion, std::vector<std::string> labels) {
  for (std::size_t k = labels.size(); k < confusion.size(); ++k) labels.push_back(std::to_string(k));
  return labels;
}

std::string pairs_table(const Confusion& confusion, const std::vector<std::string>& labels) {
  const auto names = names_of(confusion, labels);
  const auto pairs = worst_pairs(confusion);
  std::string text = fmt::format("{} classes; {}\n", confusion.size(),
                                 pairs.empty() ? "none is taken for another one"
                                               : "those confused most (true class -> predicted class: rows)");
  for (const auto& pair : pairs)
    text +=
        fmt::format("  {} -> {}: {}\n", names[pair.actual], names[pair.predicted], with_commas(pair.rows));
  return text;
}

std::string csv_field(const std::string& value) {
  if (value.find_first_of(",\"\r\n") == std::string::npos) return value;
  std::string text = "\"";
  for (const char c : value) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + "\"";
}

std::string confusion_table(const Confusion& confusion, const std::vector<std::string>& labels) {
  const auto names = names_of(confusion, labels);
  std::size_t first = 0;
  std::size_t width = 0;
  for (std::size_t row = 0; row < confusion.size(); ++row) {
    first = std::max(first, columns_of(names[row]));
    width = std::max(width, columns_of(names[row]));
    for (std::int64_t count : confusion[row]) width = std::max(width, with_commas(count).size());
  }
  std::string text = "confusion matrix (row: true class, column: predicted class)\n";
  text.append(first + 2, ' ');
  for (std::size_t column = 0; column < confusion.size(); ++column) {
    text.append("  ").append(padded_left(names[column], width));
  }
  text.append("\n");
  for (std::size_t row = 0; row < confusion.size(); ++row) {
    text.append("  ").append(padded_left(names[row], first));
    for (std::int64_t count : confusion[row])
      text.append("  ").append(padded_left(with_commas(count), width));
    text.append("\n");
  }
  return text;
}

}  // namespace

void MetricsReport::set(std::string_view name, double value) {
  for (auto& [known, old] : values)
    if (known == name) {
      old = value;
      return;
    }
  values.emplace_back(name, value);
}

std::optional<double> MetricsReport::find(std::string_view name) const {
  for (const auto& [known, value] : values)
    if (known == name) return value;
  return std::nullopt;
}

double MetricsReport::get(std::string_view name) const {
  if (const auto value = find(name)) return *value;
  std::vector<std::string> names;
  for (const auto& [known, value] : values) names.push_back(known);
  throw ConfigError(fmt::format("no metric is called '{}'; there are: {}.{}", name, join(names),
                                did_you_mean(name, names)));
}

nlohmann::ordered_json MetricsReport::to_json() const {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [name, value] : values) {
    if (std::isfinite(value))
      json[name] = value;
    else
      json[name] = nullptr;
  }
  if (!confusion.empty()) json["confusion_matrix"] = confusion;
  return json;
}

std::string MetricsReport::to_table(const std::vector<std::string>& labels) const {
  std::size_t width = 0;
  for (const auto& [name, value] : values) width = std::max(width, name.size());
  std::string text;
  for (const auto& [name, value] : values) text += fmt::format("{:<{}}  {}\n", name, width, shown(value));
  if (!confusion.empty())
    text +=
        confusion.size() > kMostShown ? pairs_table(confusion, labels) : confusion_table(confusion, labels);
  return text;
}

std::vector<Confused> worst_pairs(const Confusion& confusion, std::size_t most) {
  std::vector<Confused> pairs;
  for (std::size_t actual = 0; actual < confusion.size(); ++actual)
    for (std::size_t predicted = 0; predicted < confusion.size(); ++predicted)
      if (const auto rows = confusion[actual][predicted]; actual != predicted && rows > 0)
        pairs.push_back({actual, predicted, rows});
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Confused& a, const Confused& b) { return a.rows > b.rows; });
  if (pairs.size() > most) pairs.resize(most);
  return pairs;
}

std::string confusion_csv(const Confusion& confusion, const std::vector<std::string>& labels) {
  const auto names = names_of(confusion, labels);
  std::string text = "true";
  for (const auto& name : names) text += "," + csv_field(name);
  text += '\n';
  for (std::size_t row = 0; row < confusion.size(); ++row) {
    text += csv_field(names[row]);
    for (const auto rows : confusion[row]) text += fmt::format(",{}", rows);
    text += '\n';
  }
  return text;
}

}  // namespace ringtrain
