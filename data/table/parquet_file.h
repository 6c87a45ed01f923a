#pragma once

#include <arrow/status.h>
#include <arrow/type.h>
#include <parquet/arrow/reader.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "storage/location.h"

namespace ringtrain {

/// Opens a Parquet file (parquet.apache.org/docs/file-format) to be read column by column, as it is needed,
/// in batches of `rows_at_once`; `bytes` (may be null) receives the file's size. Throws DataError. Inside
/// data/ only: it shows Arrow.
std::unique_ptr<parquet::arrow::FileReader> open_parquet(const Location& file, std::int64_t rows_at_once,
                                                         std::int64_t* bytes = nullptr);

/// Throws DataError that names the file.
void require_read(const arrow::Status& status, const Location& file);

/// The columns at `places` of the schema as Parquet counts them: a nested column is several.
std::vector<int> parquet_leaves(const arrow::Schema& schema, const std::vector<std::size_t>& places);

}  // namespace ringtrain
