#include "data/schema/classes.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

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

}  // namespace ringtrain
