#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>

/// The rules of communicator.h for arguments, the same in every backend. Each function throws CommError,
/// before anything is sent, with the name of the collective and of the argument.
namespace ringtrain::checks {

/// "float32" and so on; a type that no backend takes gives its name in LibTorch.
std::string dtype_name(at::ScalarType type);

/// Defined, dense, contiguous, and of a type that the backends move.
void require_tensor(std::string_view collective, std::string_view name, const at::Tensor& tensor);

/// The same, and in host memory.
void require_host_tensor(std::string_view collective, std::string_view name, const at::Tensor& tensor,
                         std::string_view backend);

void require_root(std::string_view collective, int root, int world_size);

/// `whole` has `world_size` times the elements of `part`, same type and device.
void require_parts(std::string_view collective, const at::Tensor& whole, const at::Tensor& part,
                   int world_size);

}  // namespace ringtrain::checks
