#include "data/schema/fit.h"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <unordered_map>

#include "common/errors.h"
#include "common/text.h"
#include "data/order/sampler.h"
#include "data/schema/column_selection.h"

namespace ringtrain {
namespace {

/// Different words that a column may have in the training part: of one-hot each is a feature; of an embedding
/// each stands in every checkpoint and export.
constexpr std::size_t max_one_hot = 10'000, max_embedded = 200'000;

/// A column is wide when its values lose more than this share of their deviation in float32.
constexpr double kWide = 1e-6;

/// The numbers of a table, as they are summed up: of narrow columns those that float32 holds.
class Numbers {
 public:
  explicit Numbers(const Table& table) : table_(table), wide_(table.numeric_names.size(), false) {}
  void set_wide(std::size_t column) { wide_[column] = true; }
  bool wide(std::size_t column) const { return wide_[column]; }

  /// Calls `take(column, value)` for each number that is there in this rank's share of the rows.
  template <class Take>
  void for_each(const std::vector<std::int64_t>& rows, Range share, Take take) const {
    const auto visit = [&](const auto* values) {
      const std::int64_t width = table_.numeric.size(1);
      std::vector<const double*> exact(static_cast<std::size_t>(width), nullptr);
      for (std::size_t c = 0; c < exact.size(); ++c)
        if (wide_[c] && c < table_.exact.size() && table_.exact[c].defined())
          exact[c] = table_.exact[c].const_data_ptr<double>();
      for (std::int64_t i = share.begin; i < share.end; ++i) {
        const auto at = rows[static_cast<std::size_t>(i)];
        const auto* row = values + at * width;
        for (std::int64_t c = 0; c < width; ++c)
          if (!std::isnan(row[c])) {
            const auto* digits = exact[static_cast<std::size_t>(c)];
            take(c, digits ? digits[at] : static_cast<double>(row[c]));
          }
      }
    };
    if (table_.numeric.scalar_type() == at::kFloat)
      visit(table_.numeric.const_data_ptr<float>());
    else
      visit(table_.numeric.const_data_ptr<double>());
  }

 private:
  const Table& table_;
  std::vector<bool> wide_;
};

struct Statistics {
  std::vector<double> mean, deviation, low, high;
};

Statistics measure(const Table& table, const Numbers& numbers, const std::vector<std::int64_t>& rows,
                   Communicator& control) {
  const std::int64_t width = table.numeric.size(1);
  const auto size = static_cast<std::size_t>(width);
  const Range share =
      even_share(static_cast<std::int64_t>(rows.size()), control.rank(), control.world_size());
  const at::Tensor sums = at::zeros({2, width}, at::kDouble);  // of the values; how many
  const at::Tensor lows = at::full({width}, std::numeric_limits<double>::infinity(), at::kDouble);
  const at::Tensor highs = at::full({width}, -std::numeric_limits<double>::infinity(), at::kDouble);
  double* sum = sums.mutable_data_ptr<double>();
  double* count = sum + width;
  double* low = lows.mutable_data_ptr<double>();
  double* high = highs.mutable_data_ptr<double>();
  numbers.for_each(rows, share, [=](std::int64_t c, double value) {
    sum[c] += value;
    count[c] += 1;
    low[c] = std::min(low[c], value);
    high[c] = std::max(high[c], value);
  });
  control.all_reduce(sums).wait();
  control.all_reduce(lows, ReduceOp::min).wait();
  control.all_reduce(highs, ReduceOp::max).wait();

  Statistics s{.mean = std::vector<double>(size),
               .deviation = {},
               .low = {low, low + width},
               .high = {high, high + width}};
  for (std::size_t c = 0; c < size; ++c) {
    if (count[c] == 0)
      throw DataError(
          fmt::format("column '{}' has no value in the training part; list it under data.features.ignore",
                      table.numeric_names[c].name));
    s.mean[c] = sum[c] / count[c];
  }
  const at::Tensor squares = at::zeros({width}, at::kDouble);
  double* square = squares.mutable_data_ptr<double>();
  numbers.for_each(rows, share, [&, square](std::int64_t c, double value) {
    const double off = value - s.mean[static_cast<std::size_t>(c)];
    square[c] += off * off;
  });
  control.all_reduce(squares).wait();
  for (std::size_t c = 0; c < size; ++c) s.deviation.push_back(std::sqrt(square[c] / count[c]));
  return s;
}

/// Which columns are wide: by the digits of all their values on the training rows. Collective where a column
/// may be.
std::vector<std::size_t> wide_columns(const Table& table, const std::vector<std::int64_t>& rows,
                                      Communicator& control) {
  const bool narrow = table.numeric.scalar_type() == at::kFloat;
  std::vector<std::size_t> candidates;
  Numbers all(table);
  for (std::size_t c = 0; c < table.numeric_names.size(); ++c)
    if (!narrow || (c < table.exact.size() && table.exact[c].defined())) {
      candidates.push_back(c);
      all.set_wide(c);
    }
  if (candidates.empty()) return {};  // the same on all ranks: they hold the same table
  const Statistics s = measure(table, all, rows, control);
  const std::int64_t width = table.numeric.size(1);
  const at::Tensor sums = at::zeros({2, width}, at::kDouble);  // of squared errors; how many
  double* lost = sums.mutable_data_ptr<double>();
  double* count = lost + width;
  const Range share =
      even_share(static_cast<std::int64_t>(rows.size()), control.rank(), control.world_size());
  all.for_each(rows, share, [=](std::int64_t c, double value) {
    const double error = value - static_cast<double>(static_cast<float>(value));
    lost[c] += error * error;
    count[c] += 1;
  });
  control.all_reduce(sums).wait();
  std::vector<std::size_t> wide;
  for (const auto c : candidates)
    if (std::sqrt(lost[c] / count[c]) > kWide * s.deviation[c] && s.low[c] < s.high[c]) wide.push_back(c);
  return wide;
}

/// 1 / spread; 1 where float32 could not hold it.
double inverse(double spread) {
  const double scale = 1 / spread;
  return std::isfinite(static_cast<float>(scale)) ? scale : 1;
}

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

/// Fewer rows with rare words do not tell what an unknown word means.
constexpr std::int64_t kFewestRareRows = 10;

/// The words that occur `min_count` times at least, sorted; all of them, and `min_count` is 1, where the
/// rarer ones stand in too few rows: then an unknown word's vector stays as it began, at 0, and says nothing.
/// Keeps at most one more than the encoding takes.
std::vector<std::string> words_of(const std::vector<std::string>& column,
                                  const std::vector<std::int64_t>& rows, const std::string& name,
                                  Encoding encoding, std::int64_t& min_count) {
  const auto most = encoding == Encoding::one_hot ? max_one_hot : max_embedded;
  std::unordered_map<std::string_view, std::int64_t> counts;
  for (std::int64_t row : rows) {
    const auto& word = column[static_cast<std::size_t>(row)];
    if (word.empty()) continue;
    ++counts[word];
    if (counts.size() > most) refuse_many_words(name, encoding);
  }
  std::int64_t rare_rows = 0;
  for (const auto& [word, count] : counts)
    if (count < min_count) rare_rows += count;
  if (rare_rows < kFewestRareRows) min_count = 1;
  std::vector<std::string> words;
  for (const auto& [word, count] : counts)
    if (count >= min_count) words.emplace_back(word);
  std::sort(words.begin(), words.end());
  return words;
}

/// A categorical column as the training part has it.
CategoricalColumn fit_column(const TableConfig& config, const std::string& name, Encoding encoding,
                             const std::vector<std::string>& column, const std::vector<std::int64_t>& rows) {
  const bool takes_missing = config.missing.categorical == "category";
  const bool has_missing = takes_missing && std::any_of(rows.begin(), rows.end(), [&](std::int64_t row) {
                             return column[static_cast<std::size_t>(row)].empty();
                           });
  CategoricalColumn result{.name = name,
                           .missing_is_category = has_missing,
                           .missing_is_unseen = takes_missing && !has_missing,
                           .encoding = encoding};
  if (encoding == Encoding::hash) {
    result.buckets = config.features.buckets;
    return result;
  }
  if (encoding == Encoding::embedding && config.unseen != "error")
    result.min_count = config.features.min_count;
  result.vocabulary = words_of(column, rows, name, encoding, result.min_count);
  if (encoding == Encoding::embedding && result.vocabulary.empty())
    throw DataError(
        fmt::format("column '{}' has no word that occurs {} time{} in the training part, so that an "
                    "embedding has nothing to "
                    "learn; list it under data.features.ignore, or set data.features.min_count: 1",
                    name, result.min_count, result.min_count == 1 ? "" : "s"));
  return result;
}

}  // namespace

Preprocessing fit_preprocessing(const TableConfig& config, const Table& table,
                                const std::vector<std::int64_t>& train_rows, Communicator& control) {
  // All ranks hold the same table, so all of them throw here, and none is left waiting in a reduction.
  if (table.has_classes() && table.labels.size() == 1)
    throw DataError(
        fmt::format("{}: column '{}' (data.target) has one class only, '{}', in all {} rows; a classifier "
                    "needs two. Check "
                    "that data.target names the right column and that the file is whole",
                    config.train_file, table.target_names.at(0), table.labels[0], with_commas(table.rows())));
  Preprocessing result{.reading = {.version = 2, .missing = config.csv.missing},
                       .refuse_unseen = config.unseen == "error",
                       .numeric = {},
                       .categorical = {},
                       .targets = table.target_names,
                       .labels = table.labels,
                       .tokens = {}};
  Numbers numbers(table);
  for (const auto c : wide_columns(table, train_rows, control)) numbers.set_wide(c);
  const Statistics s = measure(table, numbers, train_rows, control);
  for (std::size_t c = 0; c < table.numeric_names.size(); ++c) {
    const auto& field = table.numeric_names[c];
    NumericColumn column{.name = field.name,
                         .shift = 0,
                         .scale = 1,
                         .fill = {},
                         .wide = numbers.wide(c),
                         .part = field.part,
                         .source = field.part == DatePart::none ? "" : field.column};
    if (config.missing.numeric == "mean") column.fill = s.mean[c];
    // Compared exactly: rounding can leave a constant column a deviation of 1e-17, and its inverse is no
    // scale.
    const bool constant = s.low[c] == s.high[c];
    if (config.normalize == "standard") {
      column.shift = constant ? s.low[c] : s.mean[c];
      column.scale = constant ? 1 : inverse(s.deviation[c]);
    } else if (config.normalize == "minmax") {
      column.shift = s.low[c];
      column.scale = constant ? 1 : inverse(s.high[c] - s.low[c]);
    }
    result.numeric.push_back(column);
  }
  const auto encodings = encodings_of(config.features, table.categorical_names);
  for (std::size_t c = 0; c < table.categorical_names.size(); ++c)
    result.categorical.push_back(
        fit_column(config, table.categorical_names[c], encodings[c], table.categorical[c], train_rows));
  return result;
}

}  // namespace ringtrain
