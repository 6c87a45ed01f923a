#include "data/table_problem.h"

#include <arrow/util/utf8.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/errors.h"
#include "common/text.h"
#include "data/csv_scanner.h"
#include "data/values.h"

namespace ringtrain {
namespace {

struct Column {
  std::string name;
  std::size_t place;
};

std::vector<Column> place_columns(const std::vector<std::string>& names,
                                  const std::vector<std::string>& header) {
  std::vector<Column> columns;
  for (const auto& name : names)
    columns.push_back(
        {name, static_cast<std::size_t>(std::find(header.begin(), header.end(), name) - header.begin())});
  return columns;
}

class Checker {
 public:
  Checker(const DataConfig& config, TargetKind kind, at::ScalarType dtype)
      : config_(config), kind_(kind), dtype_(dtype) {}

  /// Why a feature's number is refused, or "".
  std::string number(const std::string& text) const {
    if (is_missing(text)) return missing_number();
    const auto value = parse_number(text);
    if (!value)
      return fmt::format(
          "expected a number, got {}. Mend the file, or list the column under data.features.categorical or "
          "data.features.ignore",
          excerpt(text));
    if (std::isnan(*value)) return missing_number();
    return infinite(text, *value);
  }

  std::string word(const std::string& text) const {
    if (is_missing(text) && config_.missing.categorical == "error")
      return "the value is missing. Fill it in, or set data.missing.categorical: category";
    return not_utf8(text);
  }

  std::string target(const std::string& text) const {
    if (is_missing(text)) return "the target is missing. Fill it in, or remove the row";
    if (kind_ == TargetKind::classes) return not_utf8(text);
    const auto value = parse_number(text);
    if (!value)
      return fmt::format(
          "expected a number as target of a regression, got {}. Mend the file, or choose a classification",
          excerpt(text));
    if (std::isnan(*value)) return "the target is missing. Fill it in, or remove the row";
    return infinite(text, *value);
  }

 private:
  std::string missing_number() const {
    return config_.missing.numeric == "error"
               ? "the value is missing. Fill it in, or set data.missing.numeric: mean"
               : "";
  }
  std::string infinite(const std::string& text, double value) const {
    if (dtype_ == at::kFloat) value = static_cast<float>(value);
    if (!std::isinf(value)) return "";
    return fmt::format(
        "expected a finite number{}, got {}. Mend the file, or list the column under data.features.ignore",
        dtype_ == at::kFloat ? " that float32 can hold" : "", excerpt(text));
  }
  static std::string not_utf8(const std::string& text) {
    const bool valid = arrow::util::ValidateUTF8(reinterpret_cast<const std::uint8_t*>(text.data()),
                                                 static_cast<std::int64_t>(text.size()));
    return valid ? "" : "the text is not UTF-8. Convert the file: iconv -f latin1 -t utf-8";
  }

  const DataConfig& config_;
  TargetKind kind_;
  at::ScalarType dtype_;
};

}  // namespace

void throw_first_problem(const DataConfig& config, const ColumnSelection& selection, TargetKind kind,
                         at::ScalarType dtype) {
  arrow::util::InitializeUTF8();
  CsvScanner scanner(config.train_file);
  const auto header = read_header(scanner, config.train_file);
  const auto numeric = place_columns(selection.numeric, header);
  const auto categorical = place_columns(selection.categorical, header);
  const auto target = place_columns({selection.target}, header);
  const Checker checker(config, kind, dtype);

  std::vector<std::string> fields;
  for (std::int64_t row = 1; scanner.next(fields); ++row) {
    const std::string place =
        fmt::format("{}: row {} (line {})", config.train_file, with_commas(row), with_commas(scanner.line()));
    if (fields.size() != header.size())
      throw DataError(fmt::format("{} has {} fields, but the header has {}. Mend that line", place,
                                  fields.size(), header.size()));
    const auto check = [&](const std::vector<Column>& columns, auto refuse) {
      for (const auto& column : columns)
        if (const std::string why = refuse(fields[column.place]); !why.empty())
          throw DataError(fmt::format("{}, column '{}': {}", place, column.name, why));
    };
    check(numeric, [&](const std::string& text) { return checker.number(text); });
    check(categorical, [&](const std::string& text) { return checker.word(text); });
    check(target, [&](const std::string& text) { return checker.target(text); });
  }
}

}  // namespace ringtrain
