#include "serving/predict/json_row_reader.h"

#include <fmt/format.h>

#include <cmath>

#include "common/errors.h"
#include "common/text.h"
#include "serving/predict/json_text.h"

namespace ringtrain {
namespace {

constexpr std::size_t kIgnored = -1;

}  // namespace

JsonRowReader::JsonRowReader(const Preprocessing& preprocessing, const std::vector<std::string>& dropped)
    : preprocessing_(preprocessing) {
  for (const auto& column : preprocessing.numeric) names_.push_back(column.name);
  for (const auto& column : preprocessing.categorical) names_.push_back(column.name);
  if (!preprocessing.target.empty()) places_[preprocessing.target] = kIgnored;
  for (const auto& name : dropped) places_[name] = kIgnored;
  for (std::size_t i = 0; i < names_.size(); ++i) places_[names_[i]] = i;
}

std::size_t JsonRowReader::place_of(std::string_view name) const {
  const auto place = places_.find(name);
  if (place == places_.end())
    throw DataError(fmt::format("unknown field '{}'.{}", name, did_you_mean(std::string(name), names_)));
  return place->second;
}

void JsonRowReader::read(const rapidjson::Value& value, const Row& row) const {
  if (value.IsArray()) return read_array(value, row);
  if (!value.IsObject()) throw DataError(fmt::format("expected an object or an array, got {}", shown(value)));
  for (const auto& [key, field] : value.GetObject()) {
    const auto name = text_of(key);
    // The name that the exported model has for all of them.
    if (name == "numeric" && field.IsArray() && !places_.contains(name) &&
        preprocessing_.categorical.empty()) {
      read_array(field, row);
      continue;
    }
    if (const auto place = place_of(name); place != kIgnored) set(place, field, row);
  }
}

void JsonRowReader::read_array(const rapidjson::Value& value, const Row& row) const {
  if (value.Size() != names_.size())
    throw DataError(
        fmt::format("expected {} values ({}), got {}", names_.size(), join(names_), value.Size()));
  for (rapidjson::SizeType i = 0; i < value.Size(); ++i) set(i, value[i], row);
}

void JsonRowReader::set(std::size_t place, const rapidjson::Value& value, const Row& row) const {
  if (value.IsNull()) return;
  const auto wrong = [&](const char* expected) {
    throw DataError(fmt::format("field '{}': expected {}, got {}", names_[place], expected, shown(value)));
  };
  const auto numeric = preprocessing_.numeric.size();
  if (place >= numeric) {
    if (!value.IsString()) wrong("a string");
    (*row.words)[place - numeric][row.index] = text_of(value);
    return;
  }
  if (!value.IsNumber()) wrong("a number");
  const auto number = static_cast<float>(value.GetDouble());
  if (std::isinf(number)) wrong("a number within the range of float32");
  row.numbers[place] = number;
}

}  // namespace ringtrain
