#pragma once

#include <cstdint>
#include <deque>
#include <vector>

namespace ringtrain {

/// Finds changes of the mean of a stream of numbers: ADWIN (Bifet and Gavaldà, "Learning from time-changing
/// data with adaptive windowing", SIAM Data Mining 2007; its second version, with buckets).
///
/// It keeps the last numbers as sums of 1, 2, 4 ... of them, of each size `kBuckets` at most, so that memory
/// grows with the logarithm of the window. Every `kClock` numbers all cuts between buckets are tried: where
/// the means of the older and the newer part differ by more than chance gives, with the chance of a false
/// alarm `delta` at each trial, the older part is dropped. Numbers should lie in a range of length 1.
class Adwin {
 public:
  static constexpr std::size_t kBuckets = 5;
  static constexpr std::int64_t kClock = 32, kLeastPart = 5, kGrace = 10;

  explicit Adwin(double delta = 0.002) : delta_(delta) {}

  /// Takes the next number. Whether the mean has changed: the window is then what came after, and begins anew
  /// with the next number.
  bool add(double value);
  /// Numbers in the window, and their mean (0 of none).
  std::int64_t width() const { return width_; }
  double mean() const { return width_ > 0 ? sum_ / static_cast<double>(width_) : 0; }

 private:
  struct Bucket {
    double sum = 0, squares = 0;  ///< the numbers', and of their distances from their mean
  };
  /// Numbers that stand together.
  struct Part {
    double count = 0, sum = 0;
    double mean() const { return sum / count; }
  };
  void merge_full_levels();
  bool has_cut() const;
  bool differ(const Part& older, const Part& newer) const;
  void drop_oldest();

  double delta_;
  std::vector<std::deque<Bucket>> levels_;  ///< [k]: of 2^k numbers each, the oldest first
  std::int64_t width_ = 0, taken_ = 0;
  double sum_ = 0, squares_ = 0;
  bool found_ = false;
};

}  // namespace ringtrain
