#include "serving/predict/json_row_reader.h"

#include <fmt/format.h>

#include <cmath>

#include "common/errors.h"
#include "common/text.h"
#include "data/table/column_stream.h"
#include "serving/predict/json_text.h"

namespace ringtrain {
namespace {

/// A JSON value as Reading takes it.
template <class Take>
auto taken(const rapidjson::Value& value, const Take& take) {
  if (value.IsString()) return take(text_of(value));
  if (value.IsBool()) return take(value.GetBool());
  if (value.IsInt64()) return take(std::int64_t{value.GetInt64()});
  if (value.IsUint64()) return take(std::uint64_t{value.GetUint64()});
  return take(value.GetDouble());
}

/// The names, as the text of an error shows them.
std::string shortened(const std::vector<std::string>& names) {
  constexpr std::size_t most = 20;
  if (names.size() <= most) return join(names);
  return fmt::format("{} and {} more", join({names.begin(), names.begin() + most}), names.size() - most);
}

}  // namespace

JsonRowReader::JsonRowReader(const Preprocessing& preprocessing, const std::vector<std::string>& dropped)
    : preprocessing_(preprocessing), reading_(preprocessing.reading) {
  for (const auto& column : preprocessing.numeric) names_.push_back(column.name);
  for (const auto& column : preprocessing.categorical) names_.push_back(column.name);
  for (const auto& target : preprocessing.targets) places_[target];
  for (const auto& name : preprocessing.ignored) places_[name];
  for (const auto& name : dropped) places_[name];
  for (std::size_t i = 0; i < names_.size(); ++i) places_[names_[i]] = {i};
  for (std::size_t i = 0; i < preprocessing.numeric.size(); ++i)
    if (const auto& column = preprocessing.numeric[i]; column.part != DatePart::none)
      dates_[column.source].push_back(i);
}

JsonRowReader::Row JsonRowReader::row_of(Predictor::Rows& rows, std::size_t index) {
  const auto offset = index * static_cast<std::size_t>(rows.numeric.size(1));
  const bool exact = rows.numeric.scalar_type() == at::kDouble;
  return {.numbers = exact ? nullptr : rows.numeric.data_ptr<float>() + offset,
          .exact = exact ? rows.numeric.data_ptr<double>() + offset : nullptr,
          .words = &rows.categorical,
          .index = index};
}

std::vector<std::string> JsonRowReader::given_names() const {
  std::vector<std::string> names;
  for (const auto& column : preprocessing_.numeric)
    if (names.empty() || names.back() != column.column()) names.push_back(column.column());
  for (const auto& column : preprocessing_.categorical) names.push_back(column.name);
  return names;
}

bool JsonRowReader::has(std::string_view name) const {
  return places_.contains(name) || dates_.contains(name);
}

void JsonRowReader::set(std::string_view name, const rapidjson::Value& value, const Row& row) const {
  const auto place = places_.find(name);
  if (place != places_.end()) {
    for (const auto one : place->second) set(one, value, row, false);
    return;
  }
  const auto date = dates_.find(name);
  if (date == dates_.end()) {
    const auto known = given_names();
    throw DataError(fmt::format("unknown field '{}'; the model takes: {}.{}", name, shortened(known),
                                did_you_mean(std::string(name), known)));
  }
  for (const auto one : date->second) set(one, value, row, true);
}

void JsonRowReader::read(const rapidjson::Value& value, const Row& row) const {
  if (value.IsArray()) return read_array(value, row);
  if (!value.IsObject()) throw DataError(fmt::format("expected an object or an array, got {}", shown(value)));
  for (const auto& [key, field] : value.GetObject()) {
    const auto name = text_of(key);
    // The name that the exported model has for all of them.
    if (name == "numeric" && field.IsArray() && !has(name) && preprocessing_.categorical.empty())
      read_array(field, row);
    else
      set(name, field, row);
  }
}

void JsonRowReader::read_array(const rapidjson::Value& value, const Row& row) const {
  if (value.Size() != names_.size())
    throw DataError(
        fmt::format("expected {} values ({}), got {}", names_.size(), join(names_), value.Size()));
  for (rapidjson::SizeType i = 0; i < value.Size(); ++i) set(i, value[i], row, false);
}

Number JsonRowReader::number_of(std::size_t place, const rapidjson::Value& value, bool is_date) const {
  if (is_date && value.IsString())
    return number_of_date(text_of(value), preprocessing_.numeric[place].part, reading_);
  if (is_date) return {0, ValueState::not_a_number};
  return taken(value, [this](const auto& one) { return reading_.number(one); });
}

void JsonRowReader::set(std::size_t place, const rapidjson::Value& value, const Row& row,
                        bool is_date) const {
  if (value.IsNull()) return;
  const auto numeric = preprocessing_.numeric.size();
  const auto wrong = [&](const char* expected) {
    throw DataError(fmt::format("field '{}': expected {}, got {}",
                                is_date ? preprocessing_.numeric[place].source : names_[place], expected,
                                shown(value)));
  };
  if (value.IsArray() || value.IsObject()) wrong(place >= numeric ? "a string" : "a number");
  if (place >= numeric) {
    auto word = taken(value, [this](const auto& one) { return reading_.word(one); });
    if (word.state == ValueState::not_utf8) wrong("text in UTF-8");
    (*row.words)[place - numeric][row.index] = std::move(word.text);
    return;
  }
  const auto number = number_of(place, value, is_date);
  if (number.state == ValueState::missing) return;
  if (number.state == ValueState::inexact)
    wrong("a number that float64 holds (whole ones beyond 2^53 lose their last digits)");
  if (number.state == ValueState::not_a_number)
    wrong(is_date ? "a date such as \"2024-07-01\" or \"2024-07-01 12:30\"" : "a number");
  const auto narrow = static_cast<float>(number.value);
  if (number.state == ValueState::infinite || (!preprocessing_.numeric[place].wide && std::isinf(narrow)))
    wrong("a number within the range of float32");
  if (row.exact)
    row.exact[place] = number.value;
  else
    row.numbers[place] = narrow;
}

}  // namespace ringtrain
