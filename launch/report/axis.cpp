#include "launch/report/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ringtrain::report {
namespace {

/// 1, 2 or 5 times a power of ten.
double round_step(double span, int wanted) {
  const double rough = span / std::max(1, wanted);
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  const double factor = rough / power;
  return power * (factor <= 1.0001 ? 1 : factor <= 2.0001 ? 2 : factor <= 5.0001 ? 5 : 10);
}

std::string plain(double value) {
  auto text = fmt::format("{:.6g}", value);
  return text == "-0" ? "0" : text;
}

}  // namespace

std::string mark_text(double value, double step) {
  if (std::abs(value) < step * 1e-6) return "0";
  const double size = std::abs(value);
  if (size >= 1e15 || size < 1e-4) return fmt::format("{:.3g}", value);
  for (const auto& [unit, name] : {std::pair{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}})
    if (size >= unit && (unit > 1e3 || size >= 1e4 || step >= 500)) return plain(value / unit) + name;
  return plain(value);
}

Axis::Axis(double low, double high, bool logarithmic) : low_(low), high_(high), logarithmic_(logarithmic) {
  if (!std::isfinite(low_) || !std::isfinite(high_) || high_ - low_ > 1e300) {
    low_ = logarithmic ? 1 : 0;
    high_ = logarithmic ? 10 : 1;
  }
  if (high_ < low_) std::swap(low_, high_);
  if (high_ - low_ > std::max(std::abs(low_), std::abs(high_)) * 1e-9) return;
  // A single value stands in the middle.
  const double room = low_ == 0 ? 1 : std::abs(low_) * 0.1;
  low_ = logarithmic ? low_ / 2 : low_ - room;
  high_ = logarithmic ? high_ * 2 : high_ + room;
}

double Axis::place(double value) const {
  if (logarithmic_) return (std::log(value) - std::log(low_)) / (std::log(high_) - std::log(low_));
  return (value - low_) / (high_ - low_);
}

std::vector<Axis::Mark> Axis::marks(int wanted) const {
  std::vector<Mark> marks;
  if (!logarithmic_) {
    const double step = round_step(high_ - low_, wanted);
    const auto first = std::ceil(low_ / step - 1e-9), last = std::floor(high_ / step + 1e-9);
    for (double i = first; i <= last; ++i) marks.push_back({i * step, mark_text(i * step, step)});
    return marks;
  }
  const double decades = std::log10(high_) - std::log10(low_);  // their ratio may be no number
  const int every = std::max(1, static_cast<int>(std::ceil(decades / wanted)));
  const auto first = static_cast<int>(std::floor(std::log10(low_)));
  for (int power = first; power <= static_cast<int>(std::ceil(std::log10(high_))); ++power)
    for (const int factor : {1, 2, 5}) {
      if (factor > 1 && decades > 2) continue;
      if ((power - first) % every != 0) continue;
      const double value = factor * std::pow(10.0, power);
      if (value >= low_ * 0.999999 && value <= high_ * 1.000001)
        marks.push_back({value, mark_text(value, value)});
    }
  return marks;
}

Axis Axis::rounded(int wanted) const {
  if (logarithmic_) return *this;
  const double step = round_step(high_ - low_, wanted);
  Axis axis = *this;
  axis.low_ = std::floor(low_ / step + 1e-9) * step;
  axis.high_ = std::ceil(high_ / step - 1e-9) * step;
  return axis;
}

}  // namespace ringtrain::report
