#pragma once

#include <arrow/api.h>
#include <fmt/format.h>

#include <string>

#include "common/errors.h"
#include "serving/log/log_files.h"

/// Arrow's tables as Parquet and CSV. Inside serving/log/ only: it shows Arrow.
namespace ringtrain {

/// Throws Error with Arrow's reason.
void require_arrow(const arrow::Status& status, std::string_view what);
template <class Value>
Value require_arrow(arrow::Result<Value> result, std::string_view what) {
  require_arrow(result.status(), what);
  return std::move(result).ValueUnsafe();
}

/// The bytes of a Parquet file with the rows of a table and these notes.
std::string parquet_text(const arrow::Table& table, const log_files::Notes& notes = {});
/// The bytes of a CSV file, with a header; a missing value is an empty cell.
std::string csv_text(const arrow::Table& table);

/// The whole table of a Parquet file. Throws DataError that names it.
std::shared_ptr<arrow::Table> read_parquet_table(const std::filesystem::path& file);

/// What a Parquet file's end says. Throws DataError that names the file.
struct ParquetSummary {
  std::int64_t rows = 0;
  log_files::Notes notes;
};
ParquetSummary read_parquet_summary(const std::filesystem::path& file);

}  // namespace ringtrain
