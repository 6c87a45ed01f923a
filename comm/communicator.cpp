#include "comm/communicator.h"

#include <ATen/ATen.h>

#include "comm/checks.h"
#include "comm/collective_call.h"
#include "comm/groups.h"
#include "common/errors.h"

namespace ringtrain {
namespace {

void require_tensor(const Communicator& communicator, std::string_view collective, std::string_view name,
                    const at::Tensor& tensor) {
  checks::require_tensor(collective, name, tensor);
  if (const auto device = communicator.device())
    checks::require_device(collective, name, tensor, *device, communicator.backend());
}

}  // namespace

void Communicator::require_usable(std::string_view collective) const {
  process_.require(collective);
  require_open();
}

/// What is refused here must not leave the others waiting: they are told, each rank throws.
template <class Check, class Describe>
void Communicator::prepare(std::string_view collective, Compare compare, const Check& check,
                           const Describe& describe) {
  require_usable(collective);
  const bool compares = compare == Compare::always && world_size() > 1;
  try {
    check();
  } catch (const CommError&) {
    try {
      if (compares) do_compare({.kind = CollectiveCall::Kind::refused});
    } catch (const CommError&) {  // this rank's own reason says more
    }
    throw;
  }
  if (compares) do_compare(describe());
}

Work Communicator::all_reduce(const at::Tensor& tensor, ReduceOp op, Compare compare) {
  prepare(
      "all_reduce", compare, [&] { require_tensor(*this, "all_reduce", "tensor", tensor); },
      [&] { return CollectiveCall::all_reduce(tensor, op); });
  return do_all_reduce(tensor, op);
}

Work Communicator::broadcast(const at::Tensor& tensor, int root, Compare compare) {
  const auto check = [&] {
    require_tensor(*this, "broadcast", "tensor", tensor);
    checks::require_root("broadcast", root, world_size());
  };
  prepare("broadcast", compare, check, [&] { return CollectiveCall::broadcast(tensor, root); });
  return do_broadcast(tensor, root);
}

Work Communicator::reduce_scatter(const at::Tensor& output, const at::Tensor& input, Compare compare) {
  const auto check = [&] {
    require_tensor(*this, "reduce_scatter", "output", output);
    require_tensor(*this, "reduce_scatter", "input", input);
    checks::require_alike("reduce_scatter", output, input);
    checks::require_parts("reduce_scatter", input, output, world_size());
  };
  prepare("reduce_scatter", compare, check, [&] { return CollectiveCall::reduce_scatter(input); });
  return do_reduce_scatter(output, input);
}

Work Communicator::all_gather(const at::Tensor& output, const at::Tensor& input, Compare compare) {
  const auto check = [&] {
    require_tensor(*this, "all_gather", "output", output);
    require_tensor(*this, "all_gather", "input", input);
    checks::require_alike("all_gather", output, input);
    checks::require_parts("all_gather", output, input, world_size());
  };
  prepare("all_gather", compare, check, [&] { return CollectiveCall::all_gather(input); });
  return do_all_gather(output, input);
}

Work Communicator::all_to_all(const at::Tensor& output, const at::Tensor& input, Compare compare) {
  const auto check = [&] {
    require_tensor(*this, "all_to_all", "output", output);
    require_tensor(*this, "all_to_all", "input", input);
    checks::require_alike("all_to_all", output, input);
    checks::require_exchange("all_to_all", output, input, world_size());
  };
  prepare("all_to_all", compare, check, [&] { return CollectiveCall::all_to_all(input); });
  return do_all_to_all(output, input);
}

std::unique_ptr<Communicator> Communicator::split(std::optional<int> color, int key) {
  return do_split(members_of_group(*this, color, key));
}

at::Tensor Communicator::allocate(std::int64_t numel, const at::TensorOptions& options) {
  require_usable("allocate");
  return at::zeros({numel}, options);
}

}  // namespace ringtrain
