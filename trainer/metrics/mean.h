#pragma once

#include <limits>

namespace ringtrain {

/// The mean of what is counted; NaN when nothing is.
class Mean {
 public:
  void add(double value) { sum_ += value, ++count_; }
  double value() const { return count_ == 0 ? std::numeric_limits<double>::quiet_NaN() : sum_ / count_; }

 private:
  double sum_ = 0;
  int count_ = 0;
};

}  // namespace ringtrain
