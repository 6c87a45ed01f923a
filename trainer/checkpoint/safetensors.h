#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace ringtrain {

/// Tensors by name.
using NamedTensors = std::map<std::string, at::Tensor>;

/// The safetensors format (https://github.com/huggingface/safetensors): a little-endian 64-bit header length,
/// a JSON header
/// {"name": {"dtype", "shape", "data_offsets"}}, then the data; row-major, without gaps. It holds no code,
/// and Python reads it with safetensors.torch.load_file.
std::string write_safetensors(const NamedTensors& tensors,
                              const std::map<std::string, std::string>& metadata = {});
/// The same in pieces, each given to `sink`: no second copy of the tensors is made.
void write_safetensors(const NamedTensors& tensors, const std::map<std::string, std::string>& metadata,
                       const std::function<void(std::string_view)>& sink);

/// Reads what `write_safetensors` or another writer made; the tensors are copies, on the CPU. Every length,
/// offset, type and shape is checked before it is used: anything that does not fit throws CheckpointError
/// that begins with `name`.
NamedTensors read_safetensors(std::string_view bytes, const std::string& name);

}  // namespace ringtrain
