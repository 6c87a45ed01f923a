#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "data/schema/preprocessing.h"

namespace ringtrain {

/// The codes that Preprocessing::apply takes (word_codes.h), [rows, columns.size()] int64; a missing word is
/// "". `words`: [columns][rows].
at::Tensor encode_words(const std::vector<CategoricalColumn>& columns,
                        const std::vector<std::vector<std::string>>& words, std::int64_t rows);
/// Those of some rows: [rows.size(), columns.size()].
at::Tensor encode_words(const std::vector<CategoricalColumn>& columns,
                        const std::vector<std::vector<std::string>>& words,
                        const std::vector<std::int64_t>& rows);

/// Those of one column, [rows].
at::Tensor codes_of(const CategoricalColumn& column, const std::vector<std::string>& words);

/// What training did not see, or too rarely to learn it: a count for each categorical column. Of a hashed one
/// nobody knows: 0.
class UnseenWords {
 public:
  /// `columns` outlive it.
  explicit UnseenWords(const std::vector<CategoricalColumn>& columns);
  /// `words`: [columns][rows].
  void count(const std::vector<std::vector<std::string>>& words);
  const std::vector<std::int64_t>& counts() const { return counts_; }
  std::vector<std::int64_t>& counts() { return counts_; }
  /// A line for each column that has some: "City: 12 words that training did not see, 'Paris' first"; "" for
  /// none.
  std::string text() const;

 private:
  const std::vector<CategoricalColumn>& columns_;
  std::vector<std::int64_t> counts_;
  std::vector<std::string> first_;
};

}  // namespace ringtrain
