#include "launch/learn/stream_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "common/hash.h"
#include "common/text.h"
#include "data/schema/classes.h"
#include "data/schema/excerpt.h"
#include "data/table/column_stream.h"
#include "data/table/csv_number_form.h"

namespace ringtrain {
namespace {

using nlohmann::ordered_json;

std::string shown_value(const StreamValue& value) {
  if (std::holds_alternative<std::string>(value)) return excerpt(std::get<std::string>(value));
  return std::visit(
      [](const auto& one) -> std::string {
        if constexpr (std::is_same_v<std::decay_t<decltype(one)>, std::monostate>)
          return "nothing";
        else
          return fmt::format("{}", one);
      },
      value);
}

ordered_json numbers_json(const std::vector<double>& numbers) {
  auto json = ordered_json::array();
  for (const auto number : numbers)
    json.push_back(std::isnan(number) ? ordered_json() : ordered_json(number));
  return json;
}

std::vector<double> numbers_of(const ordered_json& json) {
  std::vector<double> numbers;
  for (const auto& number : json) numbers.push_back(number.is_null() ? std::nan("") : number.get<double>());
  return numbers;
}

/// All values of a row, and what it is to teach.
std::uint64_t hash_of_values(const StreamRow& row) {
  std::uint64_t hash = 0;
  const auto add = [&hash](std::uint64_t part) { hash = seed_of({hash, part}); };
  for (const auto& numbers : {row.numbers, row.targets})
    for (const auto number : numbers)
      add(std::isnan(number) ? 1 : std::bit_cast<std::uint64_t>(number + 0.0));
  for (const auto& word : row.words) add(hash_bytes(word));
  return hash;
}

const char* text_of_state(ValueState state) {
  switch (state) {
    case ValueState::infinite:
      return "a number within the range of the model's numbers";
    case ValueState::inexact:
      return "a number that float64 holds";
    case ValueState::not_utf8:
      return "text in UTF-8";
    default:
      return "a number";
  }
}

}  // namespace

ordered_json StreamRow::to_json() const {
  return {position.source,
          position.partition,
          position.offset,
          numbers_json(numbers),
          words,
          numbers_json(targets),
          weight,
          time,
          key};
}

StreamRow StreamRow::from_json(const ordered_json& json) {
  StreamRow row;
  row.position = {json.at(0).get<std::string>(), json.at(1).get<std::int64_t>(),
                  json.at(2).get<std::int64_t>()};
  row.numbers = numbers_of(json.at(3));
  row.words = json.at(4).get<std::vector<std::string>>();
  row.targets = numbers_of(json.at(5));
  row.weight = json.at(6).get<double>();
  row.time = json.at(7).get<double>();
  row.key = json.at(8).get<std::uint64_t>();
  return row;
}

RowReader::RowReader(const Preprocessing& schema, RowColumns columns)
    : schema_(schema), columns_(std::move(columns)), reading_(schema.reading) {}

void RowReader::find_places(const StreamRecord& record) {
  if (names_ == record.names) return;
  names_ = record.names;
  const auto place = [this](const std::string& name) {
    const auto found = std::find(names_->begin(), names_->end(), name);
    return found == names_->end() ? kNowhere : static_cast<std::size_t>(found - names_->begin());
  };
  numbers_.clear();
  words_.clear();
  targets_.clear();
  for (const auto& column : schema_.numeric) numbers_.push_back(place(column.column()));
  for (const auto& column : schema_.categorical) words_.push_back(place(column.name));
  for (const auto& target : schema_.targets) targets_.push_back(place(target));
  weight_ = place(columns_.weight);
  key_ = place(columns_.key);
  time_ = place(columns_.time);
}

void RowReader::refuse(const std::string& column, const std::string& why) {
  problems_.push_back(fmt::format("column '{}': {}", column, why));
}

RowReader::Outcome RowReader::read(const StreamRecord& record, StreamRow& row, std::string& why) {
  row = {};
  row.position = record.position;
  why = record.problem;
  if (!why.empty()) return Outcome::refused;
  find_places(record);
  problems_.clear();
  read_numbers(record, row);
  read_words(record, row);
  const bool has_truth = read_targets(record, row);
  read_weight(record, row);
  read_key_and_time(record, row);
  why = join(problems_, "; ");
  if (!why.empty()) return Outcome::refused;
  return has_truth ? Outcome::row : Outcome::without_truth;
}

Number RowReader::number_at(const StreamRecord& record, std::size_t place, DatePart part) const {
  if (place == kNowhere) return {0, ValueState::missing};
  return std::visit(
      [&](const auto& value) -> Number {
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, std::monostate>) {
          return {0, ValueState::missing};
        } else if constexpr (std::is_same_v<Value, std::string>) {
          if (part != DatePart::none) return number_of_date(value, part, reading_);
          std::string buffer;
          return reading_.number(record.decimal_comma ? with_point(value, buffer) : std::string_view(value));
        } else {
          return part != DatePart::none ? Number{0, ValueState::not_a_number} : reading_.number(value);
        }
      },
      record.values[place]);
}

Word RowReader::word_at(const StreamRecord& record, std::size_t place) const {
  if (place == kNowhere) return {"", ValueState::missing};
  return std::visit(
      [&](const auto& value) -> Word {
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, std::monostate>)
          return {"", ValueState::missing};
        else if constexpr (std::is_same_v<Value, std::string>)
          return reading_.word(std::string_view(value));
        else
          return reading_.word(value);
      },
      record.values[place]);
}

void RowReader::read_numbers(const StreamRecord& record, StreamRow& row) {
  for (std::size_t c = 0; c < schema_.numeric.size(); ++c) {
    const auto& column = schema_.numeric[c];
    auto number = number_at(record, numbers_[c], column.part);
    const bool narrow = !columns_.float64 && !column.wide;
    if (number.state == ValueState::good && narrow && std::isinf(static_cast<float>(number.value)))
      number.state = ValueState::infinite;
    row.numbers.push_back(number.state == ValueState::good ? number.value : std::nan(""));
    if (number.state == ValueState::good) continue;
    if (number.state == ValueState::missing) {
      if (!column.fill)
        refuse(column.column(), numbers_[c] == kNowhere ? "it is not there" : "it has no value");
      continue;
    }
    const bool date = column.part != DatePart::none;
    refuse(column.column(), fmt::format("expected {}, got {}", date ? "a date" : text_of_state(number.state),
                                        shown_value(record.values[numbers_[c]])));
  }
}

void RowReader::read_words(const StreamRecord& record, StreamRow& row) {
  for (std::size_t c = 0; c < schema_.categorical.size(); ++c) {
    const auto& column = schema_.categorical[c];
    auto word = word_at(record, words_[c]);
    if (word.state == ValueState::not_utf8)
      refuse(column.name, "expected text in UTF-8");
    else if (word.text.empty() && !column.takes_missing())
      refuse(column.name, words_[c] == kNowhere ? "it is not there" : "it has no value");
    else if (!word.text.empty() && schema_.refuse_unseen && !column.knows(word.text))
      refuse(column.name, fmt::format("the model does not know {} (data.unseen: error)", excerpt(word.text)));
    row.words.push_back(std::move(word.text));
  }
}

/// Returns whether all of them have a value.
bool RowReader::read_targets(const StreamRecord& record, StreamRow& row) {
  bool all = true;
  for (std::size_t i = 0; i < schema_.targets.size(); ++i) {
    const auto& name = schema_.targets[i];
    const auto lacks = [&] {
      all = false;
      if (!columns_.may_lack_truth)
        refuse(name, "the row has no truth (data.missing.target: drop passes over it)");
    };
    if (columns_.target == TargetKind::classes) {
      const auto word = word_at(record, targets_[i]);
      const auto found = std::find(schema_.labels.begin(), schema_.labels.end(), word.text);
      if (word.text.empty())
        lacks();
      else if (found == schema_.labels.end())
        refuse(name, fmt::format("the class {} is not one of the model's: {}", excerpt(word.text),
                                 shortened(schema_.labels)));
      row.targets.push_back(static_cast<double>(found - schema_.labels.begin()));
      continue;
    }
    auto number = number_at(record, targets_[i], DatePart::none);
    row.targets.push_back(number.value);
    if (number.state == ValueState::missing) {
      lacks();
    } else if (number.state != ValueState::good ||
               (!columns_.float64 && std::isinf(static_cast<float>(number.value)))) {
      refuse(name, fmt::format("expected {}, got {}", text_of_state(number.state),
                               shown_value(record.values[targets_[i]])));
    } else if (columns_.target == TargetKind::flags && number.value != 0 && number.value != 1) {
      refuse(name, fmt::format("expected 0 or 1, got {}", number.value));
    }
  }
  return all;
}

void RowReader::read_weight(const StreamRecord& record, StreamRow& row) {
  if (columns_.weight.empty()) return;
  const auto number = number_at(record, weight_, DatePart::none);
  if (number.state != ValueState::good || number.value < 0)
    refuse(columns_.weight, "a weight (data.weight) is a number from 0 on");
  row.weight = number.value;
}

void RowReader::read_key_and_time(const StreamRecord& record, StreamRow& row) {
  row.key = columns_.key.empty() ? hash_of_values(row) : hash_bytes(word_at(record, key_).text);
  if (!columns_.key.empty() && word_at(record, key_).text.empty())
    refuse(columns_.key, "it has no value, and learn.guards.key says that it tells whom a row is from");
  if (columns_.time.empty()) return;
  auto number = number_at(record, time_, DatePart::none);
  if (number.state != ValueState::good) number = number_at(record, time_, DatePart::days);
  if (number.state != ValueState::good)
    refuse(columns_.time, "expected a date or a number of days (learn.guards.time)");
  row.time = number.value;
}

}  // namespace ringtrain
