#include "data/order/time_split.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

namespace ringtrain {
namespace {

/// Rows in the order of their times.
class OrderedTimes {
 public:
  explicit OrderedTimes(const std::vector<double>& times) : times_(times), order_(times.size()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(),
                     [&](std::size_t a, std::size_t b) { return times_[a] < times_[b]; });
  }
  const std::vector<std::size_t>& order() const { return order_; }
  std::int64_t rows() const { return static_cast<std::int64_t>(order_.size()); }

  /// The place nearest to `place` that is not among rows of one time; of two equally near the later one.
  std::int64_t cut(std::int64_t place) const {
    if (place <= 0 || place >= rows()) return std::clamp<std::int64_t>(place, 0, rows());
    std::int64_t before = place, behind = place;
    while (before > 0 && same(before - 1, before)) --before;
    while (behind < rows() && same(behind - 1, behind)) ++behind;
    return place - before < behind - place ? before : behind;
  }

 private:
  double at(std::int64_t place) const { return times_[order_[static_cast<std::size_t>(place)]]; }
  bool same(std::int64_t one, std::int64_t other) const { return at(one) == at(other); }
  const std::vector<double>& times_;
  std::vector<std::size_t> order_;
};

struct Cuts {
  std::int64_t validation, test, end;
};

Cuts cuts_of(const SplitConfig& config, const OrderedTimes& times) {
  const auto rows = times.rows();
  const auto share = [](std::int64_t of, double part) {
    return std::llround(static_cast<double>(of) * part);
  };
  if (config.folds == 0) {
    // What no rounding of the sum may give to a part whose share is 0.
    const auto test = config.test > 0 ? times.cut(share(rows, config.train + config.validation)) : rows;
    const auto validation = config.validation > 0 ? times.cut(share(rows, config.train)) : test;
    return {std::min(validation, test), test, rows};
  }
  const auto size = rows / (config.folds + 1);
  const auto test = times.cut(rows - (config.folds - config.fold + 1) * size);
  const auto end = times.cut(rows - (config.folds - config.fold) * size);
  const auto validation = test - share(test, config.validation_of_rest());
  return {validation < test ? std::min(times.cut(validation), test) : test, test, end};
}

}  // namespace

TimedSplit split_by_time(const SplitConfig& config, const std::vector<double>& times) {
  const OrderedTimes ordered(times);
  const auto cuts = cuts_of(config, ordered);
  TimedSplit split;
  split.parts.resize(times.size());
  if (cuts.end < ordered.rows()) split.used.assign(times.size(), true);
  for (std::int64_t place = 0; place < ordered.rows(); ++place) {
    const auto row = ordered.order()[static_cast<std::size_t>(place)];
    split.parts[row] = place < cuts.validation ? SplitPart::train
                       : place < cuts.test     ? SplitPart::validation
                                               : SplitPart::test;
    if (place >= cuts.end) split.used[row] = false;
  }
  return split;
}

}  // namespace ringtrain
