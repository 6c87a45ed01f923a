#pragma once

#include <rapidjson/document.h>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/schema/preprocessing.h"

namespace ringtrain {

/// Reads what a language model is given as JSON: [1, 2, 3], {"tokens": [1, 2, 3]}, or {"text": "…"} where its
/// tokens' texts are known.
class TokenReader {
 public:
  /// `input` outlives the reader.
  explicit TokenReader(const TokenInput& input);

  /// Between one and `context` tokens, all of the vocabulary. Throws DataError that says what was expected.
  std::vector<std::int64_t> read(const rapidjson::Value& value) const;

 private:
  std::vector<std::int64_t> tokens_of(const rapidjson::Value& value) const;
  std::vector<std::int64_t> encode(const std::string& text) const;
  void check(const std::vector<std::int64_t>& tokens) const;

  const TokenInput& input_;
  std::unordered_map<std::string, std::int64_t> places_;
  std::size_t longest_ = 0;
};

}  // namespace ringtrain
