#include "data/schema/classes.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/values.h"

namespace ringtrain {
namespace {

std::optional<std::int64_t> whole_number(const std::string& word) {
  const auto value = parse_number(word);
  if (!value || !(std::abs(*value) < 9e15) || std::trunc(*value) != *value) return std::nullopt;
  return static_cast<std::int64_t>(*value);
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

Classes name_classes(const std::vector<std::string>& words) {
  std::vector<std::int64_t> numbers;
  for (const auto& word : words) {
    const auto number = whole_number(word);
    if (!number) return sort_by(words, [](const std::string& text) { return text; });
    numbers.push_back(*number);
  }
  return sort_by(numbers, [](std::int64_t number) { return std::to_string(number); });
}

std::vector<std::string> with_positive(const std::vector<std::string>& labels, const std::string& positive) {
  const auto number = whole_number(positive);
  const std::string name = number ? std::to_string(*number) : positive;
  for (std::size_t i = 0; i < labels.size() && labels.size() == 2; ++i)
    if (labels[i] == name || labels[i] == positive) return {labels[1 - i], labels[i]};
  throw ConfigError(fmt::format("task.positive: '{}' is not a class of the target; there are: {}.{}",
                                positive, shortened(labels), did_you_mean(positive, labels)));
}

void order_classes(const std::vector<std::string>& order, std::vector<std::string>& labels,
                   const at::Tensor& target) {
  if (labels == order) return;
  std::vector<std::int64_t> place;
  for (const auto& label : labels)
    if (const auto found = std::find(order.begin(), order.end(), label); found != order.end())
      place.push_back(found - order.begin());
  if (place.size() != labels.size() || labels.size() != order.size())
    throw DataError(fmt::format("the classes of the target are {}, those of the checkpoint are {}",
                                shortened(labels), shortened(order)));
  auto* classes = target.mutable_data_ptr<std::int64_t>();
  for (std::int64_t row = 0; row < target.numel(); ++row)
    classes[row] = place[static_cast<std::size_t>(classes[row])];
  labels = order;
}

std::int64_t count_decimals(const std::vector<std::string>& labels) {
  std::int64_t decimals = 0;
  for (const auto& label : labels) {
    const auto value = parse_number(label);
    if (!value || !std::isfinite(*value)) return 0;
    decimals += std::trunc(*value) != *value ? 1 : 0;
  }
  return decimals;
}

std::string shortened(const std::vector<std::string>& labels, std::size_t most) {
  if (labels.size() <= most) return join(labels);
  const std::vector<std::string> first(labels.begin(), labels.begin() + static_cast<std::ptrdiff_t>(most));
  return fmt::format("{} and {} more", join(first), labels.size() - most);
}

}  // namespace ringtrain
