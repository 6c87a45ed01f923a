#include "data/profile/column_types.h"

#include <fmt/format.h>
#include <parquet/arrow/reader.h>

#include <chrono>
#include <cmath>

#include "common/errors.h"
#include "data/profile/table_profile.h"
#include "data/table/arrow_values.h"
#include "data/table/parquet_file.h"
#include "data/table/table_files.h"

namespace ringtrain {

bool is_table_file(const Location& file) {
  const auto name = file.extension() == ".gz" ? file.stem() : file.filename();
  return name.extension() == ".csv" || name.extension() == ".tsv" || is_parquet(file);
}

std::vector<ColumnType> column_types(const Location& file) {
  std::vector<ColumnType> types;
  for (auto& name : columns_of_file(file, {}).names) types.push_back({.name = std::move(name), .type = ""});
  const auto first = table_files(file).front().path;
  if (!is_parquet(first)) return types;
  std::shared_ptr<arrow::Schema> schema;
  require_read(open_parquet(first, 1)->GetSchema(&schema), first);
  // Behind the file's own columns come those of its folders, which are words.
  for (std::size_t i = 0; i < static_cast<std::size_t>(schema->num_fields()); ++i) {
    const auto& type = *schema->field(static_cast<int>(i))->type();
    types[i].type = type.ToString();
    types[i].kind = is_value(type)  ? ColumnType::Kind::words
                    : is_date(type) ? ColumnType::Kind::dates
                                    : ColumnType::Kind::none;
  }
  return types;
}

std::optional<double> number_of(const std::string& word) {
  static const Reading reading({.version = 2, .missing = {}});
  if (word == "true" || word == "false") return std::nullopt;
  const auto number = reading.number(word);
  return number.state == ValueState::good ? std::optional(number.value) : std::nullopt;
}

std::string text_of_days(double days) {
  const std::chrono::sys_days day{std::chrono::days(static_cast<int>(std::floor(days)))};
  const std::chrono::year_month_day date(day);
  const auto seconds = static_cast<int>(std::lround((days - std::floor(days)) * 86'400));
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), seconds / 3600,
                     seconds / 60 % 60, seconds % 60);
}

}  // namespace ringtrain
