#include "trainer/tasks/weight_words.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "common/errors.h"
#include "data/schema/classes.h"

namespace ringtrain {

bool is_word(const std::vector<std::string>& weights, const char* word) {
  return weights.size() == 1 && weights.front() == word;
}

std::optional<std::vector<double>> positive_numbers(const std::vector<std::string>& weights) {
  std::vector<double> numbers;
  for (const auto& word : weights) {
    char* end = nullptr;
    const double number = std::strtod(word.c_str(), &end);
    if (!(number > 0) || !std::isfinite(number) || *end != '\0') return std::nullopt;
    numbers.push_back(number);
  }
  if (numbers.empty()) return std::nullopt;
  return numbers;
}

std::vector<double> numbers_for(const std::vector<std::string>& weights,
                                const std::vector<std::string>& names, const char* field, const char* one) {
  auto numbers = positive_numbers(weights);
  if (numbers && numbers->size() == names.size()) return *std::move(numbers);
  throw ConfigError(fmt::format("{}: expected {} numbers, one for each {} ({}), got {}", field, names.size(),
                                one, shortened(names), weights.size()));
}

}  // namespace ringtrain
