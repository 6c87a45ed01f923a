#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ringtrain {

/// The file that says what the tokens of TOKENS.bin stand for: TOKENS.vocabulary.json beside it,
/// {"tokens": ["\n", " ", "a", …]}: the text of each token, in their order.
std::filesystem::path vocabulary_file_of(const std::filesystem::path& tokens);

/// The texts of a vocabulary file. Throws DataError when it is not one.
std::vector<std::string> read_token_vocabulary(const std::filesystem::path& file);

struct CharacterTokens {
  std::vector<std::string> vocabulary;  ///< the characters, by code point
  std::vector<std::uint16_t> tokens;    ///< of all texts, one after the other
};

/// Each character (a code point of UTF-8) that occurs is a token. Files that are the same one (links) are
/// read once. Throws DataError for a file that cannot be read or is not UTF-8 (with the position), and for
/// more than 65,536 different characters.
CharacterTokens tokenize_characters(const std::vector<std::filesystem::path>& files);

/// The length in bytes of the character of UTF-8 that begins at `at`, or 0 when none does.
std::size_t utf8_length(std::string_view text, std::size_t at);

/// Writes FILE and its vocabulary.
void write_character_tokens(const std::filesystem::path& file, const CharacterTokens& tokens);

}  // namespace ringtrain
