#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/averaging/flat_parameters.h"
#include "comm/averaging/flat_slice.h"
#include "trainer/optimizer/optimizer_config.h"

namespace ringtrain {

/// Updates flat parameters, or this rank's slices of them, from their gradients: one update of the chosen
/// kind (a fused ATen call) per slice, or per part of one.
///
///     optimizer.begin(unused);                                   // counts the step
///     for each part: optimizer.apply(part, {.lr = lr, .divisor = weight});   // in any order
///
/// A parameter that no rank used in a step is left alone, as PyTorch leaves one whose gradient is None: its
/// value, its state and its own count of steps (Adam's bias correction) stay. The update then gets a list
/// of spans instead of one (trainer/optimizer/spans.h).
class Optimizer final {
 public:
  /// `slices`: what this rank updates.
  Optimizer(const OptimizerConfig& config, const FlatParameters& parameters, std::vector<FlatSlice> slices);

  /// What steps are made of from here on: together all slices. At first each slice is a part.
  void cut(const std::vector<SlicePart>& parts);
  std::size_t parts() const { return parts_.size(); }

  /// A step begins: its count, and that of each parameter. `unused`: the parameters that sit it out, indexed
  /// like FlatParameters::entries(), the same on all ranks; empty: none.
  void begin(const std::vector<bool>& unused = {});
  /// After `begin`: the whole step changes nothing, every parameter sits it out.
  void sat_out();

  /// How far a step goes. The gradients are divided by `divisor` first (float32: inside the update) and
  /// hold no meaning afterwards.
  struct Numbers {
    double lr, divisor;
  };
  /// The same as tensors on the slices' device, for a step that is recorded as a graph
  /// (comm/device_graph.h): `lr` [kinds] float32, what `rates` gives; `divisor` [] float64, `skips` []
  /// float32, 1 where nothing is to change. Only where `treats_all_alike`, and every parameter takes part.
  struct DeviceNumbers {
    at::Tensor lr, divisor, skips;
  };
  void apply(std::size_t part, const Numbers& numbers);
  void apply(std::size_t part, const DeviceNumbers& numbers);
  template <class AnyNumbers>
  void apply_all(const AnyNumbers& numbers) {
    for (std::size_t part = 0; part < parts(); ++part) apply(part, numbers);
  }

  /// A whole step with numbers of the host.
  void step(double lr, double divisor, const std::vector<bool>& unused = {}) {
    begin(unused);
    apply_all(Numbers{lr, divisor});
  }
  /// A step in which every parameter sits out.
  void skip() {
    begin();
    sat_out();
  }

  /// The learning rate of each kind of parameters (parameter_groups.h) where the schedule's is `lr`.
  std::vector<double> rates(double lr) const;

  /// Whether in each slice all parameters sat out equally many steps.
  bool treats_all_alike() const;

  /// Steps so far, the skipped ones included.
  std::int64_t steps() const { return steps_; }
  /// How many of these each parameter sat out, indexed like FlatParameters::entries().
  const std::vector<std::int64_t>& skipped() const { return skipped_; }
  const std::vector<FlatSlice>& slices() const { return slices_; }
  /// What the next step takes, a tensor per slice.
  std::vector<at::Tensor> gradients() const;
  /// The state as flat tensors: name ("exp_avg") → one tensor per slice. Empty for a method without state.
  const std::map<std::string, std::vector<at::Tensor>>& state() const { return state_; }
  /// Bytes of it, on this rank.
  std::int64_t state_bytes() const;
  /// Goes on after `steps` steps; the tensors of `state()` were filled in place. `skipped` empty: none.
  void resume(std::int64_t steps, const std::vector<std::int64_t>& skipped = {});

 private:
  /// A part, and what its update takes when all of its parameters are treated alike.
  struct Cut {
    SlicePart part;
    at::Tensor gradients;  ///< of the whole slice, which may move
    Operands alike;
  };
  /// What a slice's parameters have in common.
  struct Shared {
    std::size_t kind = 0;
    double weight_decay = 0, lr_scale = 1;
    std::vector<std::size_t> entries;  ///< numbers in FlatParameters::entries()
    at::Tensor count;                  ///< 0-dim float32: steps, where they are even
    bool even = true;                  ///< all sat out equally many steps
  };
  bool alike(std::size_t slice) const {
    return unused_.empty() && (shared_[slice].even || !kind_->needs_counts());
  }
  void look_for_even_ones();
  const at::Tensor& follow_gradients(Cut& cut);
  Operands spans(const Cut& cut) const;

  std::shared_ptr<const OptimizerKind> kind_;
  const FlatParameters& parameters_;
  std::vector<FlatSlice> slices_;
  std::map<std::string, std::vector<at::Tensor>> state_;
  std::vector<Shared> shared_;  ///< of each slice
  std::vector<double> scales_;  ///< of learning rates, by kind
  std::vector<Cut> parts_;
  std::vector<bool> unused_;  ///< in the step that has begun
  std::vector<std::int64_t> skipped_;
  std::int64_t steps_ = 0;
};

/// `slices`: what this rank updates.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config, const FlatParameters& parameters,
                                          std::vector<FlatSlice> slices);
/// Of all parameters.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config, const FlatParameters& parameters);

}  // namespace ringtrain
