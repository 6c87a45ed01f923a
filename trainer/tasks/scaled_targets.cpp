#include "trainer/tasks/scaled_targets.h"

#include <ATen/ATen.h>

namespace ringtrain {
namespace {

std::vector<double> shifts_of(const std::vector<TargetScale>& scales) {
  std::vector<double> numbers;
  for (const auto& one : scales) numbers.push_back(one.shift);
  return numbers;
}

std::vector<double> scales_of(const std::vector<TargetScale>& scales) {
  std::vector<double> numbers;
  for (const auto& one : scales) numbers.push_back(one.scale);
  return numbers;
}

}  // namespace

ScaledTargets::ScaledTargets(const std::vector<TargetScale>& scales)
    : scales_(scales), shift_(shifts_of(scales)), scale_(scales_of(scales)) {}

at::Tensor ScaledTargets::operator()(const at::Tensor& targets, const at::Tensor& like) const {
  if (scales_.empty()) return targets;
  const auto exact = targets.to(at::kDouble);
  if (scales_.size() == 1) return ((exact - scales_[0].shift) / scales_[0].scale).to(like.scalar_type());
  return ((exact - shift_.on(targets.device(), at::kDouble)) / scale_.on(targets.device(), at::kDouble))
      .to(like.scalar_type());
}

std::vector<HeadOperation> operations_of(const std::vector<TargetScale>& scales) {
  if (scales.empty()) return {};
  return {{HeadOperation::Kind::scale, scales_of(scales), shifts_of(scales)}};
}

}  // namespace ringtrain
