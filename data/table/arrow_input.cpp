#include "data/table/arrow_input.h"

#include <arrow/io/compressed.h>
#include <arrow/io/file.h>
#include <arrow/result.h>
#include <arrow/util/compression.h>
#include <fmt/format.h>

#include "common/errors.h"
#include "storage/arrow_files.h"

namespace ringtrain {
namespace {

std::string remedy(const Location& file) {
  const std::string name = file.filename().string();
  if (name.find("fraud") != std::string::npos)
    return fmt::format(" Make synthetic data with: ringtrain generate fraud --output {}", file.string());
  if (name.find("mnist") != std::string::npos) return " Fetch it with: tools/fetch_datasets.sh";
  return " Check data.train_file; a relative path starts at the folder that the command is run in.";
}

template <class T>
T value_or_throw(arrow::Result<T> result, const Location& file) {
  if (!result.ok())
    throw DataError(fmt::format("cannot read {}: {}", file.string(), result.status().message()));
  return std::move(result).ValueUnsafe();
}

}  // namespace

std::shared_ptr<arrow::io::RandomAccessFile> open_file(const Location& file) {
  if (file.is_remote()) return open_object(file);
  std::error_code error;
  const auto status = std::filesystem::status(file.local(), error);
  if (status.type() == std::filesystem::file_type::not_found)
    throw DataError(fmt::format("{}: there is no such file.{}", file.string(), remedy(file)));
  if (std::filesystem::is_directory(status))
    throw DataError(fmt::format("{} is a folder; name a file in it", file.string()));
  return value_or_throw(arrow::io::ReadableFile::Open(file.string()), file);
}

std::int64_t bytes_read(const arrow::io::FileInterface& raw) { return raw.Tell().ValueOr(0); }

std::shared_ptr<arrow::io::InputStream> open_input(const Location& file,
                                                   std::shared_ptr<arrow::io::FileInterface>* raw_file) {
  std::shared_ptr<arrow::io::InputStream> raw = open_file(file);
  if (raw_file) *raw_file = raw;
  if (file.extension() != ".gz") return raw;
  auto codec = value_or_throw(arrow::util::Codec::Create(arrow::Compression::GZIP), file);
  // The stream keeps only a pointer to its codec, so the two are tied together.
  struct Unpacked {
    std::unique_ptr<arrow::util::Codec> codec;
    std::shared_ptr<arrow::io::InputStream> stream;
  };
  auto both = std::make_shared<Unpacked>();
  both->codec = std::move(codec);
  both->stream = value_or_throw(arrow::io::CompressedInputStream::Make(both->codec.get(), raw), file);
  return {both, both->stream.get()};
}

}  // namespace ringtrain
