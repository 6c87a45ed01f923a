#include "data/schema/vocabulary.h"

#include <ATen/ops/empty.h>

#include <string_view>
#include <unordered_map>

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

}  // namespace ringtrain
