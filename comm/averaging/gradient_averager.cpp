#include "comm/averaging/gradient_averager.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

namespace ringtrain {

constexpr std::int64_t kTotals = sizeof(StepTotals) / sizeof(double);

GradientAverager::GradientAverager(FlatParameters& parameters, Communicator& gradients)
    : parameters_(parameters), gradients_(gradients) {
  auto options = at::TensorOptions(at::kDouble);
  for (const auto& group : parameters.groups()) {
    options = options.device(group.values.device());
    gradients.broadcast(group.values, 0).wait();
    bytes_ += static_cast<std::int64_t>(group.gradients.nbytes());
  }
  totals_ = at::zeros({kTotals}, options);
  bytes_ += static_cast<std::int64_t>(totals_.nbytes());
}

StepTotals GradientAverager::finish(const StepTotals& mine) {
  parameters_.repair_gradients();
  if (mine.failed > 0) parameters_.zero_gradients();
  std::array<double, kTotals> numbers{mine.weight, mine.loss_sum, mine.samples, mine.stop, mine.failed};
  const auto host = at::from_blob(numbers.data(), {kTotals}, at::kDouble);
  totals_.copy_(host);
  std::vector<Work> works;
  for (const auto& group : parameters_.groups()) works.push_back(gradients_.all_reduce(group.gradients));
  works.push_back(gradients_.all_reduce(totals_));
  for (auto& work : works) work.wait();
  host.copy_(totals_);
  return {numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]};
}

}  // namespace ringtrain
