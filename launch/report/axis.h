#pragma once

#include <string>
#include <vector>

namespace ringtrain::report {

/// One axis of a plot: numbers to places, and where its marks stand.
class Axis {
 public:
  struct Mark {
    double value;
    std::string text;
  };
  /// Over [low, high], which is made wider where it is nothing. `logarithmic`: both are above 0. Not finite
  /// numbers give [0, 1].
  Axis(double low, double high, bool logarithmic = false);
  /// 0 at `low`, 1 at `high`.
  double place(double value) const;
  /// About `wanted` of them at round numbers, all within the axis.
  std::vector<Mark> marks(int wanted) const;
  double low() const { return low_; }
  double high() const { return high_; }
  bool is_logarithmic() const { return logarithmic_; }
  /// Its ends moved outwards to marks.
  Axis rounded(int wanted) const;

 private:
  double low_, high_;
  bool logarithmic_;
};

/// "0.25", "1.5k", "2M", "3e-7": `step` is the distance to the next mark.
std::string mark_text(double value, double step);

}  // namespace ringtrain::report
