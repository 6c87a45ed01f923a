#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ringtrain {

/// Thrown for a body that would be larger than it may be.
struct TooLarge : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct GunzipLimits {
  std::size_t bytes = 64 << 20;  ///< of the content
  std::size_t ratio = 200;       ///< of the content to what it is packed in, beyond `free_bytes`
  std::size_t free_bytes = 1 << 20;
};

/// What gzip (RFC 1952) packed, of one member or several. Takes no more memory than the limits allow. Throws
/// DataError: it is no gzip, or cut off; TooLarge.
std::string gunzip(std::string_view packed, const GunzipLimits& limits);

}  // namespace ringtrain
