#include "data/tokens/characters.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "common/errors.h"
#include "common/files.h"
#include "common/text.h"
#include "data/tokens/token_file.h"

namespace ringtrain {

namespace fs = std::filesystem;

fs::path vocabulary_file_of(const fs::path& tokens) {
  return fs::path(tokens).replace_extension(".vocabulary.json");
}

std::vector<std::string> read_token_vocabulary(const fs::path& file) {
  try {
    return nlohmann::json::parse(read_file(file)).at("tokens").get<std::vector<std::string>>();
  } catch (const nlohmann::json::exception& error) {
    throw DataError(
        fmt::format("{}: expected {{\"tokens\": [\"a\", \"b\", …]}}: {}", file.string(), error.what()));
  }
}

std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  const std::size_t length = first < 0x80                     ? 1
                             : first >= 0xC2 && first <= 0xDF ? 2
                             : first >= 0xE0 && first <= 0xEF ? 3
                             : first >= 0xF0 && first <= 0xF4 ? 4
                                                              : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
  return length;
}

CharacterTokens tokenize_characters(const std::vector<fs::path>& files) {
  std::vector<std::string> texts;
  std::set<fs::path> seen;
  std::map<std::string, std::uint16_t> places;  // code points in their order: UTF-8 sorts as they do
  for (const auto& file : files) {
    std::error_code ignored;
    if (!seen.insert(fs::weakly_canonical(file, ignored)).second) continue;
    const std::string& text = texts.emplace_back(read_file(file));
    for (std::size_t at = 0, length = 0; at < text.size(); at += length) {
      length = utf8_length(text, at);
      if (length == 0)
        throw DataError(fmt::format("{}: byte {} is not UTF-8; convert the file with iconv, or leave it out",
                                    file.string(), with_commas(static_cast<std::int64_t>(at))));
      places.emplace(text.substr(at, length), 0);
    }
  }
  if (places.size() > 65536)
    throw DataError(fmt::format(
        "{} different characters are more than the 65,536 that a token can tell apart", places.size()));
  CharacterTokens result;
  for (auto& [character, place] : places) {
    place = static_cast<std::uint16_t>(result.vocabulary.size());
    result.vocabulary.push_back(character);
  }
  for (const auto& text : texts)
    for (std::size_t at = 0, length = 0; at < text.size(); at += length) {
      length = utf8_length(text, at);
      result.tokens.push_back(places.at(text.substr(at, length)));
    }
  return result;
}

void write_character_tokens(const fs::path& file, const CharacterTokens& tokens) {
  write_file_atomically(vocabulary_file_of(file),
                        nlohmann::json{{"tokens", tokens.vocabulary}}.dump(1) + "\n");
  write_token_file(file, tokens.tokens);
}

}  // namespace ringtrain
