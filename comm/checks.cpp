#include "comm/checks.h"

#include <c10/util/StringUtil.h>
#include <fmt/format.h>

#include <utility>

#include "common/errors.h"

namespace ringtrain::checks {

std::string dtype_name(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "float32";
    case at::kDouble:
      return "float64";
    case at::kBFloat16:
      return "bfloat16";
    case at::kHalf:
      return "float16";
    case at::kLong:
      return "int64";
    case at::kInt:
      return "int32";
    case at::kByte:
      return "uint8";
    default:
      return c10::toString(type);
  }
}

namespace {

bool is_moved(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
    case at::kDouble:
    case at::kBFloat16:
    case at::kHalf:
    case at::kLong:
    case at::kInt:
    case at::kByte:
      return true;
    default:
      return false;
  }
}

}  // namespace

void require_tensor(std::string_view collective, std::string_view name, const at::Tensor& tensor) {
  if (!tensor.defined())
    throw CommError(
        fmt::format("{}: {} is an undefined tensor; pass a defined one, be it empty", collective, name));
  if (!is_moved(tensor.scalar_type()))
    throw CommError(
        fmt::format("{}: {} has type {}; expected float32, float64, bfloat16, float16, int64, int32 or uint8",
                    collective, name, dtype_name(tensor.scalar_type())));
  if (tensor.layout() != at::kStrided || !tensor.is_contiguous())
    throw CommError(fmt::format("{}: {} of shape {} is not contiguous; pass tensor.contiguous()", collective,
                                name, c10::str(tensor.sizes())));
}

void require_device(std::string_view collective, std::string_view name, const at::Tensor& tensor,
                    at::Device device, std::string_view backend) {
  if (device.is_cpu() ? tensor.device().is_cpu() : tensor.device() == device) return;
  const auto [where, remedy] =
      device.is_cpu() ? std::pair<std::string, std::string>("in host memory",
                                                            "choose comm.backend: nccl, or pass tensor.cpu()")
                      : std::pair("of " + device.str(), fmt::format("pass tensor.to(\"{}\")", device.str()));
  throw CommError(fmt::format("{}: {} is on {}, but the {} backend moves tensors {} only; {}", collective,
                              name, tensor.device().str(), backend, where, remedy));
}

void require_root(std::string_view collective, int root, int world_size) {
  if (root < 0 || root >= world_size)
    throw CommError(
        fmt::format("{}: root {} is no rank; expected 0 to {}", collective, root, world_size - 1));
}

void require_alike(std::string_view collective, const at::Tensor& output, const at::Tensor& input) {
  if (output.scalar_type() != input.scalar_type() || output.device() != input.device())
    throw CommError(
        fmt::format("{}: output and input differ: {} on {} and {} on {}; pass two of one type, on one device",
                    collective, dtype_name(output.scalar_type()), output.device().str(),
                    dtype_name(input.scalar_type()), input.device().str()));
}

void require_parts(std::string_view collective, const at::Tensor& whole, const at::Tensor& part,
                   int world_size) {
  if (whole.numel() != part.numel() * world_size)
    throw CommError(fmt::format("{}: the whole has {} elements and a part {}; expected {} x {} on {} ranks",
                                collective, whole.numel(), part.numel(), world_size, part.numel(),
                                world_size));
}

void require_exchange(std::string_view collective, const at::Tensor& output, const at::Tensor& input,
                      int world_size) {
  if (output.numel() != input.numel() || input.numel() % world_size != 0)
    throw CommError(
        fmt::format("{}: output has {} elements and input {}; expected as many in both, in {} equal parts",
                    collective, output.numel(), input.numel(), world_size));
}

}  // namespace ringtrain::checks
