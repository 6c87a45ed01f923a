#include "comm/local/local_communicator.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cstdlib>

#include "comm/checks.h"

namespace ringtrain {
namespace {

void copy_elements(const at::Tensor& output, const at::Tensor& input) {
  const at::NoGradGuard no_grad;
  if (output.is_same(input)) return;
  output.detach().view({-1}).copy_(input.detach().view({-1}), /*non_blocking=*/true);
}

}  // namespace

Work LocalCommunicator::all_reduce(const at::Tensor& tensor, ReduceOp) {
  checks::require_tensor("all_reduce", "tensor", tensor);
  return {};
}

Work LocalCommunicator::broadcast(const at::Tensor& tensor, int root) {
  checks::require_tensor("broadcast", "tensor", tensor);
  checks::require_root("broadcast", root, 1);
  return {};
}

Work LocalCommunicator::reduce_scatter(const at::Tensor& output, const at::Tensor& input) {
  checks::require_tensor("reduce_scatter", "output", output);
  checks::require_tensor("reduce_scatter", "input", input);
  checks::require_parts("reduce_scatter", input, output, 1);
  copy_elements(output, input);
  return {};
}

Work LocalCommunicator::all_gather(const at::Tensor& output, const at::Tensor& input) {
  checks::require_tensor("all_gather", "output", output);
  checks::require_tensor("all_gather", "input", input);
  checks::require_parts("all_gather", output, input, 1);
  copy_elements(output, input);
  return {};
}

std::unique_ptr<Communicator> LocalCommunicator::duplicate() { return std::make_unique<LocalCommunicator>(); }

// Not exit(): other threads may still run, and static objects must not be destroyed under them.
void LocalCommunicator::abort(int exit_code) noexcept { std::_Exit(exit_code); }

}  // namespace ringtrain
