#include <arrow/api.h>
#include <arrow/csv/api.h>
#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/value_check.h"
#include "data/schema/values.h"
#include "data/table/arrow_input.h"
#include "data/table/csv_header.h"
#include "data/table/table_file.h"

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

class CsvTable : public TableFile {
  /// What Arrow reads below.
  inline static const CsvConfig kArrows{.delimiter = ",", .decimal = ".", .quote = "\"", .encoding = "utf-8"};

 public:
  explicit CsvTable(const DataConfig& config) : config_(config) {}

  ColumnSelection select() const override {
    CsvScanner scanner(config_.train_file, kArrows);
    auto selection = select_columns(config_, read_header(scanner));
    std::vector<std::string_view> first;
    if (!scanner.next(first))
      throw DataError(fmt::format("{} has a header line but no rows", config_.train_file));
    return selection;
  }

  arrow::Result<std::shared_ptr<arrow::Table>> read(const ColumnSelection& selection,
                                                    TargetKind kind) const override {
    auto read = arrow::csv::ReadOptions::Defaults();
    read.block_size = 4 << 20;
    auto parse = arrow::csv::ParseOptions::Defaults();
    parse.newlines_in_values = true;
    auto convert = arrow::csv::ConvertOptions::Defaults();
    convert.null_values = missing_spellings();
    convert.strings_can_be_null = true;
    for (const auto& name : selection.numeric) {
      convert.include_columns.push_back(name);
      convert.column_types[name] = arrow::float64();
    }
    for (const auto& name : selection.categorical) {
      convert.include_columns.push_back(name);
      convert.column_types[name] = arrow::utf8();
    }
    convert.include_columns.push_back(selection.target);
    convert.column_types[selection.target] = kind == TargetKind::classes ? arrow::utf8() : arrow::float64();
    ARROW_ASSIGN_OR_RAISE(
        auto reader, arrow::csv::TableReader::Make(arrow::io::default_io_context(),
                                                   open_input(config_.train_file), read, parse, convert));
    return reader->Read();
  }

  void throw_first_problem(const ColumnSelection& selection, TargetKind kind,
                           at::ScalarType dtype) const override {
    CsvScanner scanner(config_.train_file, kArrows);
    const auto header = read_header(scanner);
    const auto numeric = place_columns(selection.numeric, header);
    const auto categorical = place_columns(selection.categorical, header);
    const auto target = place_columns({selection.target}, header);
    const ValueCheck values(config_, kind, dtype);

    std::vector<std::string_view> fields;
    for (std::int64_t row = 1; scanner.next(fields); ++row) {
      const std::string place = fmt::format("{}: row {} (line {})", config_.train_file, with_commas(row),
                                            with_commas(scanner.line()));
      if (fields.size() != header.size())
        throw DataError(fmt::format("{} has {} fields, but the header has {}. Mend that line", place,
                                    fields.size(), header.size()));
      const auto check = [&](const std::vector<Column>& columns, auto refuse) {
        for (const auto& column : columns)
          if (const std::string why = refuse(std::string(fields[column.place])); !why.empty())
            throw DataError(fmt::format("{}, column '{}': {}", place, column.name, why));
      };
      check(numeric, [&](const std::string& text) { return values.number(text); });
      check(categorical, [&](const std::string& text) { return values.word(text); });
      check(target, [&](const std::string& text) { return values.target(text); });
    }
  }

 private:
  const DataConfig& config_;
};

}  // namespace

std::unique_ptr<TableFile> open_csv_table(const DataConfig& config) {
  return std::make_unique<CsvTable>(config);
}

}  // namespace ringtrain
