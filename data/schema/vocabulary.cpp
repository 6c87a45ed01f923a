#include "data/schema/vocabulary.h"

#include <ATen/ops/empty.h>

#include <fmt/format.h>

#include "common/text.h"
#include "data/schema/excerpt.h"
#include "data/schema/word_codes.h"

namespace ringtrain {

namespace {

/// `row_of(i)`: the row of `words` that is row i of the codes.
template <class RowOf>
at::Tensor encode(const std::vector<CategoricalColumn>& columns,
                  const std::vector<std::vector<std::string>>& words, std::int64_t rows,
                  const RowOf& row_of) {
  const auto width = static_cast<std::int64_t>(columns.size());
  at::Tensor codes = at::empty({rows, width}, at::kLong);
  std::int64_t* to = codes.mutable_data_ptr<std::int64_t>();
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const WordCodes code(columns[c]);
    for (std::int64_t r = 0; r < rows; ++r)
      to[r * width + static_cast<std::int64_t>(c)] = code(words[c][static_cast<std::size_t>(row_of(r))]);
  }
  return codes;
}

}  // namespace

at::Tensor encode_words(const std::vector<CategoricalColumn>& columns,
                        const std::vector<std::vector<std::string>>& words, std::int64_t rows) {
  return encode(columns, words, rows, [](std::int64_t row) { return row; });
}

at::Tensor encode_words(const std::vector<CategoricalColumn>& columns,
                        const std::vector<std::vector<std::string>>& words,
                        const std::vector<std::int64_t>& rows) {
  return encode(columns, words, static_cast<std::int64_t>(rows.size()),
                [&rows](std::int64_t i) { return rows[static_cast<std::size_t>(i)]; });
}

at::Tensor codes_of(const CategoricalColumn& column, const std::vector<std::string>& words) {
  const WordCodes code(column);
  at::Tensor codes = at::empty({static_cast<std::int64_t>(words.size())}, at::kLong);
  std::int64_t* to = codes.mutable_data_ptr<std::int64_t>();
  for (const auto& word : words) *to++ = code(word);
  return codes;
}

UnseenWords::UnseenWords(const std::vector<CategoricalColumn>& columns)
    : columns_(columns), counts_(columns.size()), first_(columns.size()) {}

void UnseenWords::count(const std::vector<std::vector<std::string>>& words) {
  for (std::size_t c = 0; c < columns_.size() && c < words.size(); ++c)
    for (const auto& word : words[c]) {
      if (word.empty() ? columns_[c].missing_is_category : columns_[c].knows(word)) continue;
      if (counts_[c]++ == 0) first_[c] = word.empty() ? "a missing value" : excerpt(word);
    }
}

std::string UnseenWords::text() const {
  std::vector<std::string> lines;
  for (std::size_t c = 0; c < columns_.size(); ++c)
    if (counts_[c] > 0)
      lines.push_back(fmt::format(
          "{}: {} {} that training did not see{}{}", columns_[c].name, with_commas(counts_[c]),
          counts_[c] == 1 ? "value" : "values",
          columns_[c].min_count > 1 ? fmt::format(", or saw less than {} times", columns_[c].min_count) : "",
          first_[c].empty() ? "" : ", first " + first_[c]));
  return join(lines, "; ");
}

}  // namespace ringtrain
