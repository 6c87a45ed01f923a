#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "comm/averaging/flat_parameters.h"
#include "trainer/run_config.h"

namespace ringtrain {

/// Updates flat parameters from their gradients: one fused ATen call per group.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// One step with learning rate `lr`. The gradients are divided by `divisor` first (float32: inside the
  /// fused call) and hold no meaning afterwards.
  void step(double lr, double divisor);

  std::int64_t steps() const { return steps_; }
  /// The state as flat tensors: name ("exp_avg") → one tensor per group. Empty for a method without state.
  virtual std::map<std::string, std::vector<at::Tensor>> state() const = 0;
  /// Goes on after `steps` steps; the tensors of `state()` were filled in place.
  void resume(std::int64_t steps);

 protected:
  explicit Optimizer(FlatParameters& parameters) : parameters_(parameters) {}
  virtual void update(std::size_t group, double lr, const std::optional<at::Tensor>& divisor) = 0;
  virtual void restored() {}
  FlatParameters& parameters_;
  std::int64_t steps_ = 0;  ///< steps done before the current one
};

std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config, FlatParameters& parameters);

/// The norm of all gradients together, in one pass, in float64.
double gradient_norm(const FlatParameters& parameters);

}  // namespace ringtrain
