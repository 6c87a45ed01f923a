#include "data/table/parquet_file.h"

#include <fmt/format.h>
#include <parquet/exception.h>

#include "common/errors.h"
#include "data/table/arrow_input.h"

namespace ringtrain {
namespace {

int leaves_in(const arrow::DataType& type) {
  if (type.num_fields() == 0) return 1;
  int leaves = 0;
  for (const auto& field : type.fields()) leaves += leaves_in(*field->type());
  return leaves;
}

}  // namespace

std::unique_ptr<parquet::arrow::FileReader> open_parquet(const std::filesystem::path& file,
                                                         std::int64_t rows_at_once) {
  parquet::ReaderProperties properties = parquet::default_reader_properties();
  properties.enable_buffered_stream();
  parquet::ArrowReaderProperties arrow_properties;
  arrow_properties.set_batch_size(rows_at_once);
  arrow_properties.set_pre_buffer(false);
  parquet::arrow::FileReaderBuilder builder;
  std::unique_ptr<parquet::arrow::FileReader> reader;
  try {
    require_read(builder.Open(open_file(file), properties), file);
    builder.properties(arrow_properties);
    require_read(builder.Build(&reader), file);
  } catch (const parquet::ParquetException& error) {
    throw DataError(fmt::format("reading {} failed: {}", file.string(), error.what()));
  }
  return reader;
}

void require_read(const arrow::Status& status, const std::filesystem::path& file) {
  if (!status.ok()) throw DataError(fmt::format("reading {} failed: {}", file.string(), status.message()));
}

std::vector<int> parquet_leaves(const arrow::Schema& schema, const std::vector<std::size_t>& places) {
  std::vector<int> first(1, 0);
  for (const auto& field : schema.fields()) first.push_back(first.back() + leaves_in(*field->type()));
  std::vector<int> leaves;
  for (const auto place : places) leaves.push_back(first[place]);
  return leaves;
}

}  // namespace ringtrain
