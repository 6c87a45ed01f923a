#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace ringtrain {

/// A file of tokens, mapped into memory: unsigned 16-bit numbers, little-endian, nothing else (nanoGPT's
/// format). The map is shared by all ranks of a host and read as it is used.
class TokenFile {
 public:
  /// Throws DataError when the file cannot be read, is empty, or has an odd number of bytes.
  explicit TokenFile(std::filesystem::path file);
  ~TokenFile();
  TokenFile(const TokenFile&) = delete;
  TokenFile& operator=(const TokenFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::uint16_t> tokens() const { return tokens_; }
  /// Throws DataError that names the first token that is not below `vocabulary`, and its position.
  void require_below(std::int64_t vocabulary) const;

 private:
  std::filesystem::path path_;
  std::span<const std::uint16_t> tokens_;
};

/// Writes tokens in that format; the file appears whole or not at all.
void write_token_file(const std::filesystem::path& file, std::span<const std::uint16_t> tokens);

}  // namespace ringtrain
