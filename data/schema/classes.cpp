#include "data/schema/classes.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/reading.h"

namespace ringtrain {
namespace {

std::optional<std::int64_t> whole_number(const std::string& word, int version) {
  static const Reading reading({.version = 2, .missing = {}});
  const auto number = reading.number(word);
  if (number.state != ValueState::good || !(std::abs(number.value) < 9e15) ||
      std::trunc(number.value) != number.value)
    return std::nullopt;
  const auto whole = static_cast<std::int64_t>(number.value);
  if (version >= 2 && std::to_string(whole) != word) return std::nullopt;
  return whole;
}

template <class Key, class Name>
Classes sort_by(const std::vector<Key>& keys, Name name) {
  std::map<Key, std::int64_t> place;
  for (const auto& key : keys) place[key];
  Classes classes;
  for (auto& [key, at] : place) {
    at = static_cast<std::int64_t>(classes.labels.size());
    classes.labels.push_back(name(key));
  }
  for (const auto& key : keys) classes.of_word.push_back(place[key]);
  return classes;
}

}  // namespace

Classes name_classes(const std::vector<std::string>& words, int version) {
  std::vector<std::int64_t> numbers;
  for (const auto& word : words) {
    const auto number = whole_number(word, version);
    if (!number) return sort_by(words, [](const std::string& text) { return text; });
    numbers.push_back(*number);
  }
  return sort_by(numbers, [](std::int64_t number) { return std::to_string(number); });
}

void use_labels(Table& table, const std::vector<std::string>& labels, const std::string& file) {
  if (table.labels == labels || !table.has_classes()) return;
  std::vector<std::int64_t> place;
  for (const auto& label : table.labels) {
    const auto found = std::find(labels.begin(), labels.end(), label);
    place.push_back(found == labels.end() ? -1 : found - labels.begin());
  }
  auto* classes = table.target.mutable_data_ptr<std::int64_t>();
  for (std::int64_t row = 0; row < table.rows(); ++row) {
    const auto old = static_cast<std::size_t>(classes[row]);
    if (place[old] < 0)
      throw DataError(fmt::format("{}: row {}: the class '{}' of column '{}' is not one of the model's: {}",
                                  file, with_commas(table.file_row(row) + 1), table.labels[old],
                                  table.target_names.at(0), join(labels)));
    classes[row] = place[old];
  }
  table.labels = labels;
}

std::vector<std::string> with_positive(const std::vector<std::string>& labels, const std::string& positive) {
  static const Reading reading({});
  const std::string name = reading.word(positive).text;
  for (std::size_t i = 0; i < labels.size() && labels.size() == 2; ++i)
    if (labels[i] == name || labels[i] == positive) return {labels[1 - i], labels[i]};
  throw ConfigError(fmt::format("task.positive: '{}' is not a class of the target; there are: {}.{}",
                                positive, shortened(labels), did_you_mean(positive, labels)));
}

std::int64_t count_decimals(const std::vector<std::string>& labels) {
  static const Reading reading({});
  std::int64_t decimals = 0;
  for (const auto& label : labels) {
    const auto number = reading.number(label);
    if (number.state != ValueState::good) return 0;
    decimals += std::trunc(number.value) != number.value ? 1 : 0;
  }
  return decimals;
}

std::string shortened(const std::vector<std::string>& labels, std::size_t most) {
  if (labels.size() <= most) return join(labels);
  const std::vector<std::string> first(labels.begin(), labels.begin() + static_cast<std::ptrdiff_t>(most));
  return fmt::format("{} and {} more", join(first), labels.size() - most);
}

}  // namespace ringtrain
