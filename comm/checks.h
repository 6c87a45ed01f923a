#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>

/// The rules of communicator.h for arguments, which Communicator applies before a backend is called. Each
/// function throws CommError with the name of the collective and of the argument, and what to pass.
namespace ringtrain::checks {

/// "float32" and so on; a type that no backend takes gives its name in LibTorch.
std::string dtype_name(at::ScalarType type);

/// Defined, dense, contiguous, and of a type that the backends move.
void require_tensor(std::string_view collective, std::string_view name, const at::Tensor& tensor);

/// On `device`, which is where `backend` moves tensors.
void require_device(std::string_view collective, std::string_view name, const at::Tensor& tensor,
                    at::Device device, std::string_view backend);

void require_root(std::string_view collective, int root, int world_size);

/// Of one type, on one device.
void require_alike(std::string_view collective, const at::Tensor& output, const at::Tensor& input);

/// `whole` has `world_size` times the elements of `part`.
void require_parts(std::string_view collective, const at::Tensor& whole, const at::Tensor& part,
                   int world_size);

/// As many elements in both, in `world_size` equal parts.
void require_exchange(std::string_view collective, const at::Tensor& output, const at::Tensor& input,
                      int world_size);

}  // namespace ringtrain::checks
