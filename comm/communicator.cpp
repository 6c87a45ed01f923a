#include "comm/communicator.h"

#include <ATen/ATen.h>

#include "comm/checks.h"
#include "comm/groups.h"

namespace ringtrain {
namespace {

void require_tensor(const Communicator& communicator, std::string_view collective, std::string_view name,
                    const at::Tensor& tensor) {
  checks::require_tensor(collective, name, tensor);
  if (const auto device = communicator.device())
    checks::require_device(collective, name, tensor, *device, communicator.backend());
}

}  // namespace

Work Communicator::all_reduce(const at::Tensor& tensor, ReduceOp op) {
  require_tensor(*this, "all_reduce", "tensor", tensor);
  return do_all_reduce(tensor, op);
}

Work Communicator::broadcast(const at::Tensor& tensor, int root) {
  require_tensor(*this, "broadcast", "tensor", tensor);
  checks::require_root("broadcast", root, world_size());
  return do_broadcast(tensor, root);
}

Work Communicator::reduce_scatter(const at::Tensor& output, const at::Tensor& input) {
  require_tensor(*this, "reduce_scatter", "output", output);
  require_tensor(*this, "reduce_scatter", "input", input);
  checks::require_alike("reduce_scatter", output, input);
  checks::require_parts("reduce_scatter", input, output, world_size());
  return do_reduce_scatter(output, input);
}

Work Communicator::all_gather(const at::Tensor& output, const at::Tensor& input) {
  require_tensor(*this, "all_gather", "output", output);
  require_tensor(*this, "all_gather", "input", input);
  checks::require_alike("all_gather", output, input);
  checks::require_parts("all_gather", output, input, world_size());
  return do_all_gather(output, input);
}

std::unique_ptr<Communicator> Communicator::split(std::optional<int> color, int key) {
  return do_split(members_of_group(*this, color, key));
}

at::Tensor Communicator::allocate(std::int64_t numel, const at::TensorOptions& options) {
  return at::zeros({numel}, options);
}

}  // namespace ringtrain
