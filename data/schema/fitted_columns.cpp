#include "data/schema/fitted_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/errors.h"
#include "common/text.h"

namespace ringtrain {
namespace {

/// Different words that a column may have in the training part: of one-hot each is a feature; of an embedding
/// each stands in every checkpoint and export.
constexpr std::size_t max_one_hot = 10'000, max_embedded = 200'000;

/// A column is wide when its values lose more than this share of their deviation in float32.
constexpr double kWide = 1e-6;

std::size_t most_words(Encoding encoding) {
  return encoding == Encoding::one_hot ? max_one_hot : max_embedded;
}

/// 1 / spread; 1 where float32 could not hold it.
double inverse(double spread) {
  const double scale = 1 / spread;
  return std::isfinite(static_cast<float>(scale)) ? scale : 1;
}

/// Fewer rows with rare words do not tell what an unknown word means.
constexpr std::int64_t kFewestRareRows = 10;

[[noreturn]] void refuse_many_words(const std::string& name, Encoding encoding) {
  const bool one_hot = encoding == Encoding::one_hot;
  const auto instead = [&name](const char* list) {
    return fmt::format("data.features.encodings: {{{}: [\"{}\"]}}", list, name);
  };
  throw DataError(fmt::format(
      "column '{}' has more than {} different words in the training part, more than {} takes; {} (with "
      "model.type: mlp), or list it under data.features.ignore",
      name, with_commas(static_cast<long long>(one_hot ? max_one_hot : max_embedded)),
      one_hot ? "one-hot" : "an embedding",
      one_hot ? fmt::format("set {}, or, for more than {}, {}", instead("embedding"),
                            with_commas(static_cast<long long>(max_embedded)), instead("hash"))
              : fmt::format("set {}", instead("hash"))));
}

/// The words that occur `min_count` times at least, sorted; all of them, and `min_count` is 1, where the
/// rarer ones stand in too few rows: then an unknown word's vector stays as it began, at 0, and says nothing.
std::vector<std::string> words_of(const std::vector<WordCount>& counts, std::int64_t& min_count) {
  std::int64_t rare_rows = 0;
  for (const auto& [word, count] : counts)
    if (count < min_count) rare_rows += count;
  if (rare_rows < kFewestRareRows) min_count = 1;
  std::vector<std::string> words;
  for (const auto& [word, count] : counts)
    if (count >= min_count) words.push_back(word);
  std::sort(words.begin(), words.end());
  return words;
}

/// The most frequent word; of several the first one. "" where there is none.
std::string usual_word(const std::vector<WordCount>& counts) {
  const WordCount* usual = nullptr;
  for (const auto& one : counts)
    if (!usual || one.second > usual->second || (one.second == usual->second && one.first < usual->first))
      usual = &one;
  return usual ? usual->first : "";
}

CategoricalColumn fit_column(const TableConfig& config, const FittedColumns::Categorical& column) {
  const bool takes_missing = config.missing.categorical == "category";
  const bool has_missing = takes_missing && column.has_missing;
  CategoricalColumn result{.name = column.name,
                           .missing_is_category = has_missing,
                           .missing_is_unseen = takes_missing && !has_missing,
                           .encoding = column.encoding};
  if (column.encoding == Encoding::hash) {
    result.buckets = config.features.buckets;
    return result;
  }
  if (column.encoding == Encoding::embedding && config.unseen != "error")
    result.min_count = config.features.min_count;
  result.vocabulary = words_of(column.words, result.min_count);
  result.usual = usual_word(column.words);
  if (column.encoding == Encoding::embedding && result.vocabulary.empty())
    throw DataError(
        fmt::format("column '{}' has no word that occurs {} time{} in the training part, so that an "
                    "embedding has nothing to "
                    "learn; list it under data.features.ignore, or set data.features.min_count: 1",
                    column.name, result.min_count, result.min_count == 1 ? "" : "s"));
  return result;
}

NumericColumn fit_column(const TableConfig& config, const FittedColumns::Numeric& s) {
  NumericColumn column{.name = s.field.name,
                       .shift = 0,
                       .scale = 1,
                       .fill = {},
                       .wide = s.wide,
                       .part = s.field.part,
                       .source = s.field.part == DatePart::none ? "" : s.field.column};
  if (config.missing.numeric == "mean") column.fill = s.mean;
  // Compared exactly: rounding can leave a constant column a deviation of 1e-17, and its inverse is no scale.
  const bool constant = s.low == s.high;
  if (config.normalize == "standard") {
    column.shift = constant ? s.low : s.mean;
    column.scale = constant ? 1 : inverse(s.deviation);
  } else if (config.normalize == "minmax") {
    column.shift = s.low;
    column.scale = constant ? 1 : inverse(s.high - s.low);
  }
  return column;
}

}  // namespace

Preprocessing make_preprocessing(const TableConfig& config, const FittedColumns& fitted) {
  Preprocessing result{.reading = {.version = 2, .missing = config.csv.missing},
                       .refuse_unseen = config.unseen == "error",
                       .numeric = {},
                       .categorical = {},
                       .targets = fitted.targets,
                       .labels = fitted.labels,
                       .tokens = {}};
  result.ignored = fitted.ignored;
  for (const auto& column : fitted.numeric) result.numeric.push_back(fit_column(config, column));
  for (const auto& column : fitted.categorical) result.categorical.push_back(fit_column(config, column));
  return result;
}

void require_few_words(std::size_t words, const std::string& column, Encoding encoding) {
  if (words > most_words(encoding)) refuse_many_words(column, encoding);
}

void require_values(double count, const std::string& column) {
  if (count == 0)
    throw DataError(fmt::format(
        "column '{}' has no value in the training part; list it under data.features.ignore", column));
}

void require_two_classes(const TableConfig& config, const std::vector<std::string>& labels,
                         std::int64_t rows) {
  if (labels.size() == 1)
    throw DataError(
        fmt::format("{}: column '{}' (data.target) has one class only, '{}', in all {} rows; a classifier "
                    "needs two. Check "
                    "that data.target names the right column and that the file is whole",
                    config.train_file, config.targets.at(0), labels[0], with_commas(rows)));
}

bool is_wide(double lost, double deviation) { return std::sqrt(lost) > kWide * deviation; }

}  // namespace ringtrain
