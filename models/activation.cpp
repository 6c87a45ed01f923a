#include "models/activation.h"

#include <ATen/ATen.h>

#include "common/errors.h"

namespace ringtrain {

const std::vector<std::string>& activation_names() {
  static const std::vector<std::string> names{"relu", "gelu", "silu", "tanh"};
  return names;
}

at::Tensor activate(const std::string& name, const at::Tensor& x) {
  if (name == "relu") return at::relu(x);
  if (name == "gelu") return at::gelu(x);
  if (name == "silu") return at::silu(x);
  if (name == "tanh") return at::tanh(x);
  throw ConfigError("model.activation: unknown '" + name + "'");
}

}  // namespace ringtrain
