#pragma once

#include <arrow/filesystem/filesystem.h>
#include <arrow/io/interfaces.h>

#include <cstdint>
#include <memory>
#include <string>

#include "storage/location.h"

namespace ringtrain {

/// An object to be read at any place and from its beginning on: sequential reads are taken in pieces of 4
/// MiB, of which the next one is fetched ahead, and short ones at other places as they are asked for. Reading
/// to the end fails where the object was replaced meanwhile. `end`: nothing behind it is fetched ahead.
/// Throws DataError where it is not there or cannot be opened. For those who read with Arrow: the header
/// shows it.
std::shared_ptr<arrow::io::RandomAccessFile> open_object(const Location& file, std::int64_t end = INT64_MAX);

/// What became of a request: Arrow's text without secrets, and what to do. "s3://bucket/a.csv: the store
/// refuses ... (ACCESS_DENIED ...)".
std::string what_failed(const Location& place, const arrow::Status& status);

}  // namespace ringtrain
