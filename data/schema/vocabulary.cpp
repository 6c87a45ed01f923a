#include "data/schema/vocabulary.h"

#include <ATen/ops/empty.h>

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "common/text.h"
#include "data/schema/excerpt.h"

namespace ringtrain {

at::Tensor encode_words(const std::vector<CategoricalColumn>& columns,
                        const std::vector<std::vector<std::string>>& words, std::int64_t rows) {
  const auto width = static_cast<std::int64_t>(columns.size());
  at::Tensor codes = at::empty({rows, width}, at::kLong);
  std::int64_t* to = codes.mutable_data_ptr<std::int64_t>();
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const auto& vocabulary = columns[c].vocabulary;
    std::unordered_map<std::string_view, std::int64_t> places;
    for (const auto& word : vocabulary) places.emplace(word, static_cast<std::int64_t>(places.size()));
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::string& word = words[c][static_cast<std::size_t>(r)];
      const auto found = places.find(word);
      to[r * width + static_cast<std::int64_t>(c)] = found != places.end() ? found->second
                                                     : word.empty()
                                                         ? static_cast<std::int64_t>(vocabulary.size())
                                                         : -1;
    }
  }
  return codes;
}

bool contains(const std::vector<std::string>& vocabulary, std::string_view word) {
  return std::binary_search(vocabulary.begin(), vocabulary.end(), word);
}

UnseenWords::UnseenWords(const std::vector<CategoricalColumn>& columns)
    : columns_(columns), counts_(columns.size()), first_(columns.size()) {}

void UnseenWords::count(const std::vector<std::vector<std::string>>& words) {
  for (std::size_t c = 0; c < columns_.size() && c < words.size(); ++c)
    for (const auto& word : words[c]) {
      if (word.empty() ? columns_[c].missing_is_category : contains(columns_[c].vocabulary, word)) continue;
      if (counts_[c]++ == 0) first_[c] = word.empty() ? "a missing value" : excerpt(word);
    }
}

std::string UnseenWords::text() const {
  std::vector<std::string> lines;
  for (std::size_t c = 0; c < columns_.size(); ++c)
    if (counts_[c] > 0)
      lines.push_back(fmt::format("{}: {} {} that training did not see{}", columns_[c].name,
                                  with_commas(counts_[c]), counts_[c] == 1 ? "value" : "values",
                                  first_[c].empty() ? "" : ", first " + first_[c]));
  return join(lines, "; ");
}

}  // namespace ringtrain
