#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "data/tokens/token_format.h"

namespace ringtrain {

/// A file of tokens, mapped into memory: unsigned numbers of 16 or 32 bits, little-endian, nothing else
/// (nanoGPT's format) but a header of llm.c. The map is shared by all ranks of a host and read as it is used.
class TokenFile {
 public:
  /// `dtype`, `vocabulary`: see recognise_tokens. Throws DataError when the file cannot be read, is empty, or
  /// is not such a file.
  explicit TokenFile(std::filesystem::path file, std::string_view dtype = "auto",
                     std::int64_t vocabulary = 65536);
  ~TokenFile();
  TokenFile(const TokenFile&) = delete;
  TokenFile& operator=(const TokenFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  TokenType type() const { return format_.type; }
  std::int64_t size() const { return size_; }  ///< tokens
  /// Copies the tokens [begin, begin + count) to `out`.
  void copy(std::int64_t begin, std::int64_t count, std::int64_t* out) const;
  /// Throws DataError that names the first token that is not below `vocabulary`, and its position.
  void require_below(std::int64_t vocabulary) const;

 private:
  void unmap();
  template <class Visit>
  auto visit(Visit visit) const;

  std::filesystem::path path_;
  std::span<const std::byte> map_;
  TokenFormat format_;
  std::int64_t size_ = 0;
};

/// Writes tokens of 16 bits in that format; the file appears whole or not at all.
void write_token_file(const std::filesystem::path& file, std::span<const std::uint16_t> tokens);

}  // namespace ringtrain
