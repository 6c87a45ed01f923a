#include "launch/jobs/spread.h"

#include <cmath>
#include <limits>

namespace ringtrain {
namespace {

/// The continued fraction of the incomplete beta function by Lentz's method (DLMF 8.17.22).
double beta_fraction(double a, double b, double x) {
  constexpr double tiny = 1e-300, enough = 1e-15;
  double c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), result = d;
  for (int m = 1; m < 1000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double factor = 1;
    for (const double term : {even, odd}) {
      d = 1 + term * d;
      c = 1 + term / c;
      if (std::abs(d) < tiny) d = tiny;
      if (std::abs(c) < tiny) c = tiny;
      d = 1 / d;
      factor = c * d;
      result *= factor;
    }
    if (std::abs(factor - 1) < enough) break;
  }
  return result;
}

/// I_x(a, b), DLMF 8.17.
double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double student_t_probability(double t, double degrees) {
  return 1 - 0.5 * incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t));
}

}  // namespace

double student_t_quantile(double probability, double degrees) {
  double low = 0, high = 1;
  while (student_t_probability(high, degrees) < probability) high *= 2;
  for (int i = 0; i < 200 && high - low > 1e-13 * high; ++i) {
    const double middle = (low + high) / 2;
    (student_t_probability(middle, degrees) < probability ? low : high) = middle;
  }
  return (low + high) / 2;
}

Spread spread_of(const std::vector<double>& values, double test_to_train) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  double sum = 0, count = 0;
  for (const double value : values)
    if (!std::isnan(value)) {
      sum += value;
      ++count;
    }
  Spread spread{nan, nan, nan, nan};
  if (count == 0) return spread;
  spread.mean = sum / count;
  if (count == 1) return spread;
  double squares = 0;
  for (const double value : values)
    if (!std::isnan(value)) squares += (value - spread.mean) * (value - spread.mean);
  spread.deviation = std::sqrt(squares / (count - 1));
  const double half =
      student_t_quantile(0.975, count - 1) * spread.deviation * std::sqrt(1 / count + test_to_train);
  spread.low = spread.mean - half;
  spread.high = spread.mean + half;
  return spread;
}

}  // namespace ringtrain
