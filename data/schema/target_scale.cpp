#include "data/schema/target_scale.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "data/order/sampler.h"

namespace ringtrain {
namespace {

/// Of one column, [rows].
TargetScale fit_column(const at::Tensor& column, const std::vector<std::int64_t>& train_rows,
                       Communicator& control) {
  const at::Tensor values = column.to(at::kDouble).contiguous();
  const double* value = values.const_data_ptr<double>();
  const auto count = static_cast<double>(train_rows.size());
  const Range share =
      even_share(static_cast<std::int64_t>(train_rows.size()), control.rank(), control.world_size());
  const auto for_each = [&](auto take) {
    for (std::int64_t i = share.begin; i < share.end; ++i)
      take(value[train_rows[static_cast<std::size_t>(i)]]);
  };
  const auto summed = [&](double mine, ReduceOp op = ReduceOp::sum) {
    const at::Tensor all = at::full({1}, mine, at::kDouble);
    control.all_reduce(all, op).wait();
    return all.item<double>();
  };
  double sum = 0, low = std::numeric_limits<double>::infinity(), high = -low;
  for_each([&](double x) {
    sum += x;
    low = std::min(low, x);
    high = std::max(high, x);
  });
  const double mean = summed(sum) / count;
  low = summed(low, ReduceOp::min);
  high = summed(high, ReduceOp::max);
  double squares = 0;
  for_each([&](double x) { squares += (x - mean) * (x - mean); });
  const double deviation = std::sqrt(summed(squares) / count);
  return target_scale_of(mean, deviation, low, high);
}

}  // namespace

TargetScale target_scale_of(double mean, double deviation, double low, double high) {
  // Compared exactly: rounding can leave a constant target a deviation of 1e-17, which is no scale.
  if (!(low < high)) return {.shift = low, .scale = 1};
  const auto fits = [](double number) { return std::isnormal(static_cast<float>(number)); };
  return {.shift = mean, .scale = fits(deviation) && fits(1 / deviation) ? deviation : 1};
}

std::vector<TargetScale> fit_target_scale(const at::Tensor& target,
                                          const std::vector<std::int64_t>& train_rows,
                                          Communicator& control) {
  if (target.dim() == 1) return {fit_column(target, train_rows, control)};
  std::vector<TargetScale> scales;
  for (std::int64_t column = 0; column < target.size(1); ++column)
    scales.push_back(fit_column(target.select(1, column), train_rows, control));
  return scales;
}

}  // namespace ringtrain
