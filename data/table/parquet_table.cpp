#include <arrow/api.h>
#include <fmt/format.h>
#include <parquet/file_reader.h>

#include <cmath>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/value_check.h"
#include "data/schema/values.h"
#include "data/table/arrow_values.h"
#include "data/table/parquet_file.h"
#include "data/table/table_file.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kRowsAtOnce = 65'536;

/// Adds the values of an array as numbers or as words; null where one is missing, as in CSV.
arrow::Status append(const arrow::Array& from, arrow::DoubleBuilder& to) {
  std::vector<double> values(static_cast<std::size_t>(from.length()), NAN);
  for_each_number(from, 0, from.length(), [&values](std::int64_t row, auto value) {
    values[static_cast<std::size_t>(row)] = static_cast<double>(value);
  });
  return to.AppendValues(values);
}

arrow::Status append(const arrow::Array& from, arrow::StringBuilder& to) {
  for (std::int64_t row = 0; row < from.length(); ++row) {
    const auto word = from.IsNull(row) ? std::string() : word_at(from, row);
    ARROW_RETURN_NOT_OK(is_missing(word) ? to.AppendNull() : to.Append(word));
  }
  return arrow::Status::OK();
}

template <class Builder>
arrow::Result<std::shared_ptr<arrow::Array>> converted(const arrow::ChunkedArray& column) {
  Builder builder;
  for (const auto& chunk : column.chunks()) ARROW_RETURN_NOT_OK(append(*chunk, builder));
  return builder.Finish();
}

class ParquetTable : public TableFile {
 public:
  explicit ParquetTable(const DataConfig& config)
      : config_(config), reader_(open_parquet(config.train_file, kRowsAtOnce)) {
    require_read(reader_->GetSchema(&schema_), config_.train_file);
  }

  ColumnSelection select() const override {
    auto selection = select_columns(config_, schema_->field_names());
    if (reader_->parquet_reader()->metadata()->num_rows() == 0)
      throw DataError(fmt::format("{} has columns but no rows", config_.train_file));
    return selection;
  }

  arrow::Result<std::shared_ptr<arrow::Table>> read(const ColumnSelection& selection,
                                                    TargetKind kind) const override {
    std::vector<std::string> names = selection.numeric;
    names.insert(names.end(), selection.categorical.begin(), selection.categorical.end());
    names.push_back(selection.target);
    std::vector<std::size_t> places;
    for (const auto& name : names) places.push_back(static_cast<std::size_t>(schema_->GetFieldIndex(name)));

    std::vector<std::shared_ptr<arrow::Field>> fields;
    std::vector<std::shared_ptr<arrow::Array>> columns;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const bool target = i + 1 == names.size();
      const bool number = target ? kind == TargetKind::number : i < selection.numeric.size();
      require_type(*schema_->field(static_cast<int>(places[i])), number, target);
      // One column after another: the memory is that of the result and one column.
      ARROW_ASSIGN_OR_RAISE(const auto read, reader_->ReadTable(parquet_leaves(*schema_, {places[i]})));
      ARROW_ASSIGN_OR_RAISE(auto column, number ? converted<arrow::DoubleBuilder>(*read->column(0))
                                                : converted<arrow::StringBuilder>(*read->column(0)));
      fields.push_back(arrow::field(names[i], column->type()));
      columns.push_back(std::move(column));
    }
    return arrow::Table::Make(arrow::schema(std::move(fields)), columns);
  }

  void throw_first_problem(const ColumnSelection& selection, TargetKind kind,
                           at::ScalarType dtype) const override {
    const auto table = read(selection, kind);
    require_read(table.status(), config_.train_file);
    const ValueCheck values(config_, kind, dtype);
    const auto width = selection.numeric.size();
    const auto last = static_cast<std::size_t>((*table)->num_columns()) - 1;
    for (std::int64_t row = 0; row < (*table)->num_rows(); ++row)
      for (std::size_t i = 0; i <= last; ++i) {
        const auto& column = *(*table)->column(static_cast<int>(i))->chunk(0);
        const auto text = column.IsNull(row) ? std::string() : word_at(column, row);
        const auto why = i == last   ? values.target(text)
                         : i < width ? values.number(text)
                                     : values.word(text);
        if (!why.empty())
          throw DataError(fmt::format("{}: row {}, column '{}': {}", config_.train_file, with_commas(row + 1),
                                      (*table)->field(static_cast<int>(i))->name(), why));
      }
  }

 private:
  /// Classes may be floating numbers too: pandas makes them of whole ones where one is missing.
  void require_type(const arrow::Field& field, bool number, bool target) const {
    const auto& type = *field.type();
    if (number ? is_number(type) : is_word(type) || (target && is_number(type))) return;
    throw DataError(fmt::format(
        "{}, column '{}': expected {}, but it is of type {}.{}", config_.train_file, field.name(),
        number ? "numbers" : "words", type.ToString(),
        target ? ""
               : " List the column under data.features.categorical or data.features.ignore, or convert it"));
  }

  const DataConfig& config_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::shared_ptr<arrow::Schema> schema_;
};

}  // namespace

std::unique_ptr<TableFile> open_parquet_table(const DataConfig& config) {
  return std::make_unique<ParquetTable>(config);
}

}  // namespace ringtrain
