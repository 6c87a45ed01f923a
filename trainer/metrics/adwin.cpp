#include "trainer/metrics/adwin.h"

#include <cmath>

namespace ringtrain {
namespace {

double size_of(std::size_t level) { return std::ldexp(1.0, static_cast<int>(level)); }

/// What two groups of numbers add to the squares of both together (Chan, Golub and LeVeque 1983).
double between(double first_count, double first_mean, double second_count, double second_mean) {
  const double off = first_mean - second_mean;
  return first_count * second_count * off * off / (first_count + second_count);
}

}  // namespace

bool Adwin::add(double value) {
  if (found_) {
    levels_.clear();
    width_ = taken_ = 0;
    sum_ = squares_ = 0;
  }
  if (levels_.empty()) levels_.emplace_back();
  levels_[0].push_back({value, 0});
  if (width_ > 0) squares_ += between(static_cast<double>(width_), mean(), 1, value);
  ++width_;
  sum_ += value;
  merge_full_levels();
  ++taken_;
  found_ = false;
  if (taken_ % kClock == 0 && width_ > kGrace)
    while (has_cut()) {
      found_ = true;
      drop_oldest();
    }
  return found_;
}

void Adwin::merge_full_levels() {
  for (std::size_t level = 0; level < levels_.size() && levels_[level].size() > kBuckets; ++level) {
    if (level + 1 == levels_.size()) levels_.emplace_back();
    auto& from = levels_[level];
    const double size = size_of(level);
    const Bucket first = from[0], second = from[1];
    from.erase(from.begin(), from.begin() + 2);
    levels_[level + 1].push_back(
        {first.sum + second.sum,
         first.squares + second.squares + between(size, first.sum / size, size, second.sum / size)});
  }
}

/// Tries the cuts behind each bucket, from the oldest on.
bool Adwin::has_cut() const {
  Part older, newer{static_cast<double>(width_), sum_};
  for (auto level = levels_.size(); level-- > 0;)
    for (const auto& bucket : levels_[level]) {
      const double size = size_of(level);
      older.count += size;
      newer.count -= size;
      older.sum += bucket.sum;
      newer.sum -= bucket.sum;
      if (older.count >= kLeastPart && newer.count >= kLeastPart && differ(older, newer)) return true;
    }
  return false;
}

/// By the bound of the paper's section 4, which takes the window's variance.
bool Adwin::differ(const Part& older, const Part& newer) const {
  const double width = static_cast<double>(width_);
  const double confidence = std::log(2 * std::log(width) / delta_);
  const auto spare = static_cast<double>(kLeastPart - 1);
  const double harmonic = 1 / (older.count - spare) + 1 / (newer.count - spare);
  const double bound =
      std::sqrt(2 * harmonic * squares_ / width * confidence) + 2.0 / 3 * confidence * harmonic;
  return std::abs(older.mean() - newer.mean()) > bound;
}

void Adwin::drop_oldest() {
  auto& last = levels_.back();
  const Bucket bucket = last.front();
  const double size = size_of(levels_.size() - 1);
  last.pop_front();
  if (last.empty()) levels_.pop_back();
  width_ -= static_cast<std::int64_t>(size);
  sum_ -= bucket.sum;
  squares_ -= bucket.squares + between(size, bucket.sum / size, static_cast<double>(width_), mean());
}

}  // namespace ringtrain
