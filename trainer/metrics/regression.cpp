#include "trainer/metrics/regression.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "common/errors.h"

namespace ringtrain {

MetricsReport regression_metrics(std::span<const double> predictions, std::span<const double> targets) {
  if (predictions.size() != targets.size())
    throw Error(fmt::format("metrics: {} predictions but {} targets", predictions.size(), targets.size()));
  constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
  const auto rows = static_cast<double>(targets.size());
  const double mean = std::accumulate(targets.begin(), targets.end(), 0.0) / rows;
  double absolute = 0, squared = 0, spread = 0;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const double error = predictions[i] - targets[i];
    absolute += std::abs(error);
    squared += error * error;
    spread += (targets[i] - mean) * (targets[i] - mean);
  }
  double r2 = undefined;
  if (targets.size() >= 2) r2 = spread > 0 ? 1 - squared / spread : squared > 0 ? 0 : 1;
  return {.values = {{"mae", absolute / rows}, {"rmse", std::sqrt(squared / rows)}, {"r2", r2}},
          .confusion = {}};
}

}  // namespace ringtrain
