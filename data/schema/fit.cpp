#include "data/schema/fit.h"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <unordered_map>

#include "data/order/sampler.h"
#include "data/schema/column_selection.h"
#include "data/schema/fitted_columns.h"

namespace ringtrain {
namespace {

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
    require_values(count[c], table.numeric_names[c].name);
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
    if (is_wide(lost[c] / count[c], s.deviation[c]) && s.low[c] < s.high[c]) wide.push_back(c);
  return wide;
}

/// The words of a column's training rows; throws DataError as soon as there are more than its encoding takes.
std::vector<WordCount> count_words(const std::vector<std::string>& column,
                                   const std::vector<std::int64_t>& rows, const std::string& name,
                                   Encoding encoding) {
  if (encoding == Encoding::hash) return {};
  std::unordered_map<std::string_view, std::int64_t> counts;
  for (std::int64_t row : rows) {
    const auto& word = column[static_cast<std::size_t>(row)];
    if (word.empty()) continue;
    ++counts[word];
    require_few_words(counts.size(), name, encoding);
  }
  return {counts.begin(), counts.end()};
}

}  // namespace

Preprocessing fit_preprocessing(const TableConfig& config, const Table& table,
                                const std::vector<std::int64_t>& train_rows, Communicator& control) {
  // All ranks hold the same table, so all of them throw here, and none is left waiting in a reduction.
  if (table.has_classes()) require_two_classes(config, table.labels, table.rows());
  Numbers numbers(table);
  for (const auto c : wide_columns(table, train_rows, control)) numbers.set_wide(c);
  const Statistics s = measure(table, numbers, train_rows, control);
  FittedColumns fitted{.numeric = {},
                       .categorical = {},
                       .targets = table.target_names,
                       .labels = table.labels,
                       .ignored = table.ignored_names};
  for (std::size_t c = 0; c < table.numeric_names.size(); ++c)
    fitted.numeric.push_back({.field = table.numeric_names[c],
                              .mean = s.mean[c],
                              .deviation = s.deviation[c],
                              .low = s.low[c],
                              .high = s.high[c],
                              .wide = numbers.wide(c)});
  const auto encodings = encodings_of(config.features, table.categorical_names);
  for (std::size_t c = 0; c < table.categorical_names.size(); ++c) {
    const auto& column = table.categorical[c];
    const bool has_missing = std::any_of(train_rows.begin(), train_rows.end(), [&](std::int64_t row) {
      return column[static_cast<std::size_t>(row)].empty();
    });
    const auto& name = table.categorical_names[c];
    fitted.categorical.push_back({.name = name,
                                  .encoding = encodings[c],
                                  .words = count_words(column, train_rows, name, encodings[c]),
                                  .has_missing = has_missing});
  }
  return make_preprocessing(config, fitted);
}

}  // namespace ringtrain
