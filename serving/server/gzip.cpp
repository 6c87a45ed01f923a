#include "serving/server/gzip.h"

#include <arrow/result.h>
#include <arrow/util/compression.h>
#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"

namespace ringtrain {
namespace {

constexpr std::size_t kStep = 256 << 10;

template <class Value>
Value whole(arrow::Result<Value> result) {
  if (!result.ok()) throw DataError("the body is no gzip, in spite of its Content-Encoding");
  return std::move(result).ValueUnsafe();
}

std::size_t most_bytes(std::size_t packed, const GunzipLimits& limits) {
  return std::min(limits.bytes, std::max(limits.free_bytes, packed * limits.ratio));
}

[[noreturn]] void refuse(std::size_t packed, const GunzipLimits& limits) {
  if (most_bytes(packed, limits) == limits.bytes)
    throw TooLarge(fmt::format("the body is larger than {} bytes when it is unpacked", limits.bytes));
  throw TooLarge(fmt::format("the body is more than {} times as large when it is unpacked; send it as it is",
                             limits.ratio));
}

}  // namespace

std::string gunzip(std::string_view packed, const GunzipLimits& limits) {
  const auto codec = whole(arrow::util::Codec::Create(arrow::Compression::GZIP));
  const auto unpacker = whole(codec->MakeDecompressor());
  const auto most = most_bytes(packed.size(), limits);
  std::string text;
  std::size_t size = 0;
  for (auto rest = packed; !rest.empty() || !unpacker->IsFinished();) {
    // One byte more than may be tells what is too large from what just fits.
    if (text.size() == size) text.resize(std::min(size + std::max(kStep, size), most + 1));
    if (unpacker->IsFinished() && !unpacker->Reset().ok()) throw DataError("the body cannot be unpacked");
    const auto step = whole(unpacker->Decompress(
        static_cast<std::int64_t>(rest.size()), reinterpret_cast<const std::uint8_t*>(rest.data()),
        static_cast<std::int64_t>(text.size() - size), reinterpret_cast<std::uint8_t*>(text.data()) + size));
    rest.remove_prefix(static_cast<std::size_t>(step.bytes_read));
    size += static_cast<std::size_t>(step.bytes_written);
    if (size > most) refuse(packed.size(), limits);
    if (step.bytes_read == 0 && step.bytes_written == 0 && !unpacker->IsFinished())
      throw DataError("the body's gzip is cut off");
  }
  text.resize(size);
  return text;
}

}  // namespace ringtrain
