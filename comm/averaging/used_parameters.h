#pragma once

#include <torch/csrc/autograd/function.h>

#include <memory>
#include <vector>

#include "comm/averaging/flat_parameters.h"

namespace ringtrain {

/// Notes which parameters backward passes reach, by a hook on each one's accumulation. The parameters must
/// not be replaced while it lives.
class UsedParameters {
 public:
  explicit UsedParameters(const FlatParameters& parameters);

  /// Those reached since the last call, indexed like FlatParameters::entries().
  std::vector<bool> take();

 private:
  std::shared_ptr<std::vector<char>> reached_;
  std::vector<std::shared_ptr<torch::autograd::Node>> accumulators_;  ///< a parameter holds its own weakly
};

}  // namespace ringtrain
