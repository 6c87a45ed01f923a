#include "comm/local/local_communicator.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cstdlib>

#include "common/errors.h"

namespace ringtrain {
namespace {

void copy_elements(const at::Tensor& output, const at::Tensor& input) {
  const at::NoGradGuard no_grad;
  if (output.is_same(input)) return;
  output.detach().view({-1}).copy_(input.detach().view({-1}), /*non_blocking=*/true);
}

}  // namespace

Work LocalCommunicator::do_all_reduce(const at::Tensor&, ReduceOp) { return {}; }

Work LocalCommunicator::do_broadcast(const at::Tensor&, int) { return {}; }

Work LocalCommunicator::do_reduce_scatter(const at::Tensor& output, const at::Tensor& input) {
  copy_elements(output, input);
  return {};
}

Work LocalCommunicator::do_all_gather(const at::Tensor& output, const at::Tensor& input) {
  copy_elements(output, input);
  return {};
}

Work LocalCommunicator::do_all_to_all(const at::Tensor& output, const at::Tensor& input) {
  copy_elements(output, input);
  return {};
}

std::unique_ptr<Communicator> LocalCommunicator::do_split(const std::vector<int>& members) {
  return members.empty() ? nullptr : duplicate();
}

std::unique_ptr<Communicator> LocalCommunicator::duplicate() {
  require_usable("duplicate");
  return std::make_unique<LocalCommunicator>(closed_);
}

// What passes on a laptop passes on a cluster.
void LocalCommunicator::require_open() const {
  if (closed_ && *closed_)
    throw CommError("a communicator is used after the world was closed; call World::close when all is done");
}

// Not exit(): other threads may still run, and static objects must not be destroyed under them.
void LocalCommunicator::abort(int exit_code) noexcept { std::_Exit(exit_code); }

}  // namespace ringtrain
