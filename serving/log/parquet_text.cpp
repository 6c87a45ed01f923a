#include "serving/log/parquet_text.h"

#include <arrow/csv/writer.h>
#include <arrow/io/file.h>
#include <arrow/io/memory.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>

namespace ringtrain {

void require_arrow(const arrow::Status& status, std::string_view what) {
  if (!status.ok()) throw Error(fmt::format("{}: {}", what, status.message()));
}

std::string parquet_text(const arrow::Table& table, const log_files::Notes& notes) {
  constexpr std::string_view what = "rows cannot be written as Parquet";
  const auto metadata = arrow::key_value_metadata({});
  for (const auto& [key, value] : notes) metadata->Append(key, value);
  const auto noted = table.ReplaceSchemaMetadata(metadata);
  const auto sink = require_arrow(arrow::io::BufferOutputStream::Create(), what);
  const auto properties = parquet::WriterProperties::Builder().compression(arrow::Compression::ZSTD)->build();
  const auto with_schema = parquet::ArrowWriterProperties::Builder().store_schema()->build();
  constexpr std::int64_t rows_of_a_group = 1 << 20;
  require_arrow(parquet::arrow::WriteTable(*noted, arrow::default_memory_pool(), sink, rows_of_a_group,
                                           properties, with_schema),
                what);
  return require_arrow(sink->Finish(), what)->ToString();
}

std::string csv_text(const arrow::Table& table) {
  constexpr std::string_view what = "rows cannot be written as CSV";
  const auto sink = require_arrow(arrow::io::BufferOutputStream::Create(), what);
  require_arrow(arrow::csv::WriteCSV(table, arrow::csv::WriteOptions::Defaults(), sink.get()), what);
  return require_arrow(sink->Finish(), what)->ToString();
}

static std::unique_ptr<parquet::arrow::FileReader> open_file(const std::filesystem::path& file) {
  const auto input = arrow::io::ReadableFile::Open(file.string());
  if (!input.ok()) throw DataError(fmt::format("{}: {}", file.string(), input.status().message()));
  auto reader = parquet::arrow::OpenFile(*input, arrow::default_memory_pool());
  if (!reader.ok()) throw DataError(fmt::format("{}: {}", file.string(), reader.status().message()));
  return std::move(reader).ValueUnsafe();
}

std::shared_ptr<arrow::Table> read_parquet_table(const std::filesystem::path& file) {
  auto table = open_file(file)->ReadTable();
  if (!table.ok()) throw DataError(fmt::format("{}: {}", file.string(), table.status().message()));
  return std::move(table).ValueUnsafe();
}

ParquetSummary read_parquet_summary(const std::filesystem::path& file) {
  const auto metadata = open_file(file)->parquet_reader()->metadata();
  ParquetSummary summary{.rows = metadata->num_rows(), .notes = {}};
  if (const auto& pairs = metadata->key_value_metadata())
    for (std::int64_t i = 0; i < pairs->size(); ++i) summary.notes[pairs->key(i)] = pairs->value(i);
  return summary;
}

}  // namespace ringtrain
