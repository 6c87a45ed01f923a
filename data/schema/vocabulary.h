#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/schema/preprocessing.h"

namespace ringtrain {

/// The codes that Preprocessing::apply takes, [rows, columns.size()] int64: a word's place in the column's
/// vocabulary, vocabulary.size() for a missing one (""), -1 for one that is not there. `words`:
/// [columns][rows].
at::Tensor encode_words(const std::vector<CategoricalColumn>& columns,
                        const std::vector<std::vector<std::string>>& words, std::int64_t rows);

/// Whether a vocabulary, which is sorted, has a word.
bool contains(const std::vector<std::string>& vocabulary, std::string_view word);

/// What training did not see: a count for each categorical column.
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
