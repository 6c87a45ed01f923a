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
#include "trainer/run_config.h"

namespace ringtrain {

/// Updates flat parameters, or this rank's slices of them, from their gradients: one fused ATen call per
/// slice.
///
/// A parameter that no rank used in a step is left alone, as PyTorch leaves one whose gradient is None: its
/// value, its state and its own count of steps (Adam's bias correction) stay. The fused call then gets a list
/// of spans instead of one (trainer/optimizer/spans.h).
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// One step with learning rate `lr`. The gradients are divided by `divisor` first (float32: inside the
  /// fused call) and hold no meaning afterwards. `unused`: the parameters that sit this step out, indexed
  /// like FlatParameters::entries(), the same on all ranks; empty: none.
  void step(double lr, double divisor, const std::vector<bool>& unused = {});
  /// A step in which every parameter sits out.
  void skip();

  /// Elements [begin, end) of slice `slice`.
  struct Part {
    std::size_t slice;
    std::int64_t begin, end;
  };
  /// A step in parts, for gradients that come one after the other: `cut` once, then for each step
  /// `begin_parts` and every part in any order. Together the parts are all slices. Every parameter takes
  /// part.
  void cut(const std::vector<Part>& parts);
  void begin_parts();
  void step_part(std::size_t part, double lr, double divisor);

  /// A step in two halves, for one that is recorded as a graph (comm/device_graph.h): `prepare` does what the
  /// host decides, `update` only starts work of the device. Every parameter takes part. The numbers are 0-dim
  /// tensors on the slices' device: `lr` float32, `divisor` float64, `skips` float32, 1 where every parameter
  /// is to sit out. The host learns of it later: then it calls `sat_out`.
  void prepare(double lr, const at::Tensor& lr_on_device);
  void update(const at::Tensor& lr, const at::Tensor& divisor, const at::Tensor& skips);
  void sat_out();

  /// Whether all parameters sat out equally many steps: `prepare` and `update` need it.
  bool treats_all_alike() const { return even_; }

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

 protected:
  /// One fused call: lists of equal length, an entry a span. `state` is in the order of `state()`.
  struct Operands {
    std::vector<at::Tensor> values, gradients;
    std::vector<std::vector<at::Tensor>> state;
    std::vector<at::Tensor> counts;  ///< 0-dim float32: steps in which it took part, this one included
  };

  Optimizer(const FlatParameters& parameters, std::vector<FlatSlice> slices,
            const std::vector<std::string>& state_names, bool needs_counts);
  virtual void apply(const Operands& operands, double lr, const std::optional<at::Tensor>& divisor) = 0;
  virtual void apply(const Operands& operands, const at::Tensor& lr, const std::optional<at::Tensor>& divisor,
                     const at::Tensor& skips) = 0;

 private:
  void count_whole(std::size_t slice);
  void update_alike(Operands& operands, double lr, double divisor);
  Operands operands_of(std::size_t slice, const at::Tensor& gradients, const std::vector<bool>& unused) const;

  const FlatParameters& parameters_;
  std::vector<FlatSlice> slices_;
  std::map<std::string, std::vector<at::Tensor>> state_;
  std::vector<Operands> whole_;  ///< of each slice, when all of its parameters are treated alike
  std::vector<Part> parts_;
  std::vector<Operands> parts_of_slices_;  ///< of each part, likewise
  std::vector<std::int64_t> skipped_;
  std::int64_t steps_ = 0;
  bool needs_counts_;
  bool even_ = true;  ///< all of `skipped_` are equal
};

/// `slices`: what this rank updates.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config, const FlatParameters& parameters,
                                          std::vector<FlatSlice> slices);
/// Of all parameters.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config, const FlatParameters& parameters);

}  // namespace ringtrain
