#include "data/table/parquet_file.h"

#include <arrow/io/caching.h>
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

std::unique_ptr<parquet::arrow::FileReader> open_parquet(const Location& file, std::int64_t rows_at_once,
                                                         std::int64_t* bytes) {
  parquet::ReaderProperties properties = parquet::default_reader_properties();
  // From a store whole columns of a row group come in few requests; small pieces of many would be thousands.
  if (!file.is_remote()) properties.enable_buffered_stream();
  parquet::ArrowReaderProperties arrow_properties;
  arrow_properties.set_batch_size(rows_at_once);
  arrow_properties.set_pre_buffer(file.is_remote());
  if (file.is_remote()) arrow_properties.set_cache_options(arrow::io::CacheOptions::LazyDefaults());
  parquet::arrow::FileReaderBuilder builder;
  std::unique_ptr<parquet::arrow::FileReader> reader;
  try {
    const auto opened = open_file(file);
    if (bytes) *bytes = opened->GetSize().ValueOr(0);
    require_read(builder.Open(opened, properties), file);
    builder.properties(arrow_properties);
    require_read(builder.Build(&reader), file);
  } catch (const parquet::ParquetException& error) {
    throw DataError(fmt::format("reading {} failed: {}", file.string(), error.what()));
  }
  return reader;
}

void require_read(const arrow::Status& status, const Location& file) {
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
