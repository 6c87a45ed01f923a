#pragma once

#include <arrow/io/interfaces.h>

#include <cstdint>
#include <memory>

#include "storage/location.h"

namespace ringtrain {

/// The bytes of a data file, of this machine or an object store; a name that ends in .gz is unpacked on the
/// way. Throws DataError when it is not there (with what would make it), is a folder, or cannot be read.
/// Inside data/ only: it is the one header that shows Arrow. `raw` (may be null) receives the file itself.
std::shared_ptr<arrow::io::InputStream> open_input(const Location& file,
                                                   std::shared_ptr<arrow::io::FileInterface>* raw = nullptr);

/// Where reading of an opened file stands, in bytes.
std::int64_t bytes_read(const arrow::io::FileInterface& raw);

/// The file itself, for formats that are read from its end. Throws DataError as open_input does.
std::shared_ptr<arrow::io::RandomAccessFile> open_file(const Location& file);

}  // namespace ringtrain
