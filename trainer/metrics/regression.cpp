#include "trainer/metrics/regression.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>

#include "common/errors.h"

namespace ringtrain {

MetricsReport regression_metrics(const Column& predictions, const Column& targets, const Holders& holders) {
  std::array<ExactSum, 3> errors;  // of targets, sizes of errors, squares of errors
  holders.together([&] {
    if (predictions.size() != targets.size())
      throw Error(fmt::format("metrics: {} predictions but {} targets", predictions.size(), targets.size()));
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const double error = predictions[i] - targets[i];
      errors[0].add(targets[i]);
      errors[1].add(std::abs(error));
      errors[2].add(error * error);
    }
  });
  const auto count = holders.sum(static_cast<std::int64_t>(targets.size()));
  const auto rows = static_cast<double>(count);
  const auto sums = holders.sum(errors);
  const double mean = sums[0] / rows, squared = sums[2];
  ExactSum from_mean;
  for (std::size_t i = 0; i < targets.size(); ++i) from_mean.add((targets[i] - mean) * (targets[i] - mean));
  const double spread = holders.sum(from_mean);
  double r2 = std::numeric_limits<double>::quiet_NaN();
  if (count >= 2) r2 = spread > 0 ? 1 - squared / spread : squared > 0 ? 0 : 1;
  return {.values = {{"mae", sums[1] / rows}, {"rmse", std::sqrt(squared / rows)}, {"r2", r2}},
          .confusion = {}};
}

}  // namespace ringtrain
