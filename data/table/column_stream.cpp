#include "data/table/column_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/dates.h"
#include "data/schema/excerpt.h"

namespace ringtrain {
namespace {

/// Names as an error lists them: not a hundred thousand of them.
std::string listed(std::vector<std::string> names) {
  constexpr std::size_t most = 30;
  const auto more = names.size() > most ? names.size() - most : 0;
  names.resize(std::min(names.size(), most));
  return join(names) +
         (more > 0 ? fmt::format(" and {} more", with_commas(static_cast<long long>(more))) : "");
}

const char* expected(ValueState state, DatePart part) {
  switch (state) {
    case ValueState::infinite:
      return "expected a finite number";
    case ValueState::inexact:
      return "expected a number that float64 holds (whole ones beyond 2^53 lose their last digits: give a "
             "date, or the difference to a number near it)";
    case ValueState::not_utf8:
      return "expected text in UTF-8";
    default:
      return part == DatePart::none ? "expected a number"
                                    : "expected a date such as 2024-07-01 or 2024-07-01 12:30";
  }
}

}  // namespace

std::string ColumnPiece::place(std::int64_t row) const {
  const auto number = with_commas(first_row + row + 1);
  const auto in_file = lines.empty() ? "row " + number
                                     : fmt::format("row {} (line {})", number,
                                                   with_commas(lines.at(static_cast<std::size_t>(row))));
  return file.empty() ? in_file : file + ", " + in_file;
}

void PieceProblems::value(std::int64_t row, std::size_t column, ValueState state, const std::string& found) {
  const auto numeric = wanted_.numeric.size();
  const bool is_number = column < numeric;
  const auto part = is_number ? wanted_.numeric[column].part : DatePart::none;
  piece_.problems.push_back(
      {.row = row,
       .text = fmt::format("{}, column '{}': {}, got {}", piece_.place(row),
                           is_number ? wanted_.numeric[column].column : wanted_.categorical[column - numeric],
                           expected(state, part), excerpt(found)),
       .column = static_cast<int>(column),
       .state = state});
}

void PieceProblems::wrong_fields(std::int64_t row, std::size_t fields, std::size_t expected) {
  piece_.problems.push_back(
      {.row = row,
       .text = fmt::format("{} has {} fields, but the header has {}", piece_.place(row), fields, expected)});
}

void PieceProblems::whole_row(std::int64_t row, std::string text) {
  piece_.problems.push_back({.row = row, .text = std::move(text)});
}

Number number_of_date(std::string_view text, DatePart part, const Reading& reading) {
  if (reading.is_missing(trimmed(text))) return {NAN, ValueState::missing};
  const auto date = parse_date(text);
  if (!date) return {NAN, ValueState::not_a_number};
  return {part_of(*date, part), ValueState::good};
}

std::vector<std::size_t> places_of_columns(const Location& file, const std::vector<std::string>& header,
                                           const WantedColumns& wanted) {
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < header.size(); ++i) places.emplace(header[i], i);
  if (!wanted.key.empty() && !places.contains(wanted.key))
    throw DataError(fmt::format("{} lacks the column '{}' (--key); it has: {}", file.string(), wanted.key,
                                listed(header)));
  std::vector<std::string> lacking;
  std::vector<std::size_t> result;
  const auto place = [&](const std::string& name) {
    const auto found = places.find(name);
    result.push_back(found == places.end() ? 0 : found->second);
    const auto quoted = "'" + name + "'";
    if (found == places.end() && std::find(lacking.begin(), lacking.end(), quoted) == lacking.end())
      lacking.push_back(quoted);
  };
  for (const auto& field : wanted.numeric) place(field.column);
  for (const auto& name : wanted.categorical) place(name);
  if (!lacking.empty())
    throw DataError(fmt::format(
        "{} lacks {} {} that the model takes; it has: {}.{}", file.string(),
        lacking.size() == 1 ? "the column" : "columns", listed(lacking), listed(header),
        lacking.size() == 1 ? did_you_mean(lacking[0].substr(1, lacking[0].size() - 2), header) : ""));
  if (!wanted.key.empty()) result.push_back(places.at(wanted.key));
  return result;
}

}  // namespace ringtrain
