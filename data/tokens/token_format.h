#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ringtrain {

/// Unsigned, little-endian.
enum class TokenType { uint16, uint32 };

/// How the tokens lie in a file.
struct TokenFormat {
  TokenType type = TokenType::uint16;
  std::size_t header_bytes = 0;  ///< before the first token
  std::size_t token_bytes() const { return type == TokenType::uint16 ? 2 : 4; }
};

/// Finds out how the tokens lie in `bytes`, a whole file. `dtype`: "uint16" or "uint32", or "auto": then the
/// content decides. `vocabulary`: how many tokens there are.
///
/// A header of llm.c (256 int32: magic 20240520 with 16-bit tokens or 20240801 with 32-bit ones, version,
/// number of tokens) is known, and skipped. Numbers of 32 bits are known by their upper halves: none is above
/// that of the vocabulary's last token (mostly 0), while lower halves are. Throws DataError, that says what
/// to do and not which file it is, for a file of NumPy, a compressed file, text, numbers of 64 bits, a number
/// of bytes that does not fit, and for content that shows neither type.
TokenFormat recognise_tokens(std::span<const std::byte> bytes, std::string_view dtype,
                             std::int64_t vocabulary);

}  // namespace ringtrain
