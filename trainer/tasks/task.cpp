#include "trainer/tasks/task.h"

#include <ATen/ATen.h>

namespace ringtrain {

at::Tensor Task::right(const at::Tensor& outputs, const at::Tensor& targets) const {
  return scores(outputs).argmax(1).eq(targets).sum();
}

at::Tensor Task::count(const at::Tensor& outputs) {
  return at::scalar_tensor(outputs.size(0), outputs.options().requires_grad(false));
}

LossSum Task::weighted(const at::Tensor& losses, const at::Tensor& weights) {
  const auto like = weights.to(losses.scalar_type());
  return {(losses * like).sum(), like.sum()};
}

PlacedNumbers::PlacedNumbers(const std::vector<double>& numbers)
    : numbers_(at::tensor(numbers, at::kDouble)) {}

const at::Tensor& PlacedNumbers::on(const at::Device& device, at::ScalarType type) const {
  if (!placed_.defined() || placed_.device() != device || placed_.scalar_type() != type)
    placed_ = numbers_.to(at::TensorOptions(device).dtype(type));
  return placed_;
}

}  // namespace ringtrain
