#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/schema/preprocessing.h"

namespace ringtrain {

/// What the words of a categorical column are to the model.
///
/// encoding    a word                        one that training did not learn   a missing one
/// one_hot     its place in the vocabulary   -1                                vocabulary.size()
/// embedding   its place + 2                 1                                 0, or 1 with missing_is_unseen
/// hash        1 + XXH3 modulo `buckets`     as any                            0
///
/// XXH3: of 64 bits, of the word's UTF-8 bytes as Reading::word gives them, with seed 0 and no secret
/// (https://github.com/Cyan4973/xxHash). Other programs that hash words themselves rely on it.
inline constexpr std::int64_t kMissingCode = 0, kUnlearnedCode = 1, kFirstWordCode = 2, kFirstBucketCode = 1;

/// How many codes a coded column has.
std::int64_t count_codes(const CategoricalColumn& column);

/// The codes of a vocabulary as a table, for graphs: a word that is not in `words` has the code `otherwise`.
struct WordTable {
  std::vector<std::string> words;
  std::vector<std::int64_t> codes;
  std::int64_t otherwise = -1;
};
/// Throws std::logic_error for a hashed column, which has no table.
WordTable word_table(const CategoricalColumn& column);

/// Finds the code of each word of a column, which outlives it.
class WordCodes {
 public:
  explicit WordCodes(const CategoricalColumn& column);
  /// "" is missing.
  std::int64_t operator()(std::string_view word) const;

 private:
  std::unordered_map<std::string_view, std::int64_t> codes_;
  std::int64_t buckets_ = 0;  ///< 0: it has a vocabulary
  std::int64_t missing_, otherwise_ = -1;
};

}  // namespace ringtrain
