#include "comm/averaging/gradient_reduction.h"

#include <algorithm>

namespace ringtrain {

std::chrono::duration<double> StepTraffic::under_way() const {
  std::chrono::duration<double> sum{0};
  auto covered = std::chrono::steady_clock::time_point::min();
  for (const auto& span : spans) {  // they are sorted by their begin
    const auto begin = std::max(span.begin, covered);
    if (span.end <= begin) continue;
    sum += span.end - begin;
    covered = span.end;
  }
  return sum;
}

StepTotals GradientReduction::finish(const StepTotals& mine, const at::Tensor& more) {
  const StepTotals totals = finish_totals(mine, more);
  while (finish_part()) {
  }
  return totals;
}

}  // namespace ringtrain
