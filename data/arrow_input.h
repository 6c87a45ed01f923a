#pragma once

#include <arrow/io/interfaces.h>

#include <filesystem>
#include <memory>

namespace ringtrain {

/// The bytes of a data file; a name that ends in .gz is unpacked on the way. Throws DataError when it is not
/// there (with what would make it), is a folder, or cannot be read. Inside data/ only: it is the one header
/// that shows Arrow.
std::shared_ptr<arrow::io::InputStream> open_input(const std::filesystem::path& file);

}  // namespace ringtrain
