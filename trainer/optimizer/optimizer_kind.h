#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/config.h"

namespace ringtrain {

/// What one update works on: lists of equal length, an entry a span of flat parameters. Tensors are 1-d and
/// written in place.
struct Operands {
  std::vector<at::Tensor> values, gradients;   ///< gradients hold no meaning afterwards
  std::vector<std::vector<at::Tensor>> state;  ///< the names in alphabetical order, then the spans
  std::vector<at::Tensor> counts;  ///< 0-dim float32: steps in which it took part, this one included
  double weight_decay = 0;
};

/// The same rule in torch.optim, as its state_dict() has it.
struct TorchOptimizer {
  std::map<std::string, std::string> state;  ///< its name of each of OptimizerKind::state_names()
  /// What a param_group of the same arithmetic says, where it says it: "betas": {0.9, 0.999}; true is 1.
  std::map<std::string, std::vector<double>> options;
};

/// One update rule with its options: the `trainer.optimizer:` block of a configuration with this `type`. Each
/// element is updated by itself: ranks hold slices that cut parameters.
class OptimizerKind {
 public:
  virtual ~OptimizerKind() = default;
  /// A copy with options of its own.
  virtual std::shared_ptr<OptimizerKind> clone() const = 0;
  virtual std::string name() const = 0;
  virtual std::string doc() const = 0;
  virtual void describe(config::Visitor& v) = 0;

  /// The tensors kept of each parameter from step to step, zero at first; checkpoints have them by name. May
  /// depend on the options.
  virtual std::vector<std::string> state_names() const = 0;
  /// Whether it reads Operands::counts. Otherwise they may be out of date.
  virtual bool needs_counts() const = 0;
  /// Nothing: torch.optim has no such rule.
  virtual std::optional<TorchOptimizer> in_pytorch() const { return std::nullopt; }

  /// The gradients are to be divided by `divisor` (0-dim float32), where there is one.
  virtual void update(const Operands& with, double lr, const std::optional<at::Tensor>& divisor) const = 0;
  /// The same in a step that is recorded as a graph: nothing waits for the device. `lr`, `skips`: 0-dim
  /// float32. Where `skips` is 1 nothing changes, whatever the gradients are.
  virtual void update(const Operands& with, const at::Tensor& lr, const std::optional<at::Tensor>& divisor,
                      const at::Tensor& skips) const = 0;
};

/// A rule that is written once for a rate of the host and of the device: `Kind`, derived from this, has
///
///     template <class Rate>  // double or at::Tensor
///     void step(const Operands& with, const Rate& lr, const std::optional<at::Tensor>& divisor,
///               const std::optional<at::Tensor>& skips) const;
template <class Kind>
class OptimizerOfAnyRate : public OptimizerKind {
 public:
  std::shared_ptr<OptimizerKind> clone() const final { return std::make_shared<Kind>(kind()); }
  void update(const Operands& with, double lr, const std::optional<at::Tensor>& divisor) const final {
    kind().step(with, lr, divisor, std::nullopt);
  }
  void update(const Operands& with, const at::Tensor& lr, const std::optional<at::Tensor>& divisor,
              const at::Tensor& skips) const final {
    kind().step(with, lr, divisor, skips);
  }

 private:
  const Kind& kind() const { return static_cast<const Kind&>(*this); }
};

}  // namespace ringtrain
