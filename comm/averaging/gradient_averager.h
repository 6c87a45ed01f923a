#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "comm/averaging/buckets.h"
#include "comm/averaging/flat_parameters.h"
#include "comm/averaging/gradient_reduction.h"
#include "comm/communicator.h"

namespace ringtrain {

struct AveragerOptions {
  enum class Overlap {
    automatic,  ///< on where the communicator works in the background
    on,
    off
  };
  Overlap overlap = Overlap::automatic;
  /// Of one bucket; 0: measured at the start. Without overlap there is one bucket for each group.
  std::int64_t bucket_bytes = 0;
};

/// Sums gradients over ranks: with the loss a *sum* over samples, and a division by the global weight once,
/// afterwards, N ranks compute what one rank computes on the joined batch, however uneven the shares are.
///
///     FlatParameters flat(*module);
///     GradientAverager averager(flat, communicator);
///     for each step:
///       flat.zero_gradients();
///       {
///         auto quiet = averager.no_sync();  // around all micro-steps but the last one
///         first_loss_sum.backward();
///       }
///       last_loss_sum.backward();  // full buckets are reduced while it goes on
///       const StepTotals totals = averager.finish({weight, loss_sum, ...});
///       for (auto& group : flat.groups()) group.gradients.div_(totals.weight);
///       averager.drop_unused_gradients();  // where torch::optim updates
///
/// The gradients hold the sum over all samples of all ranks when `finish` returns.
/// A rank without samples calls `finish` alone. The order in which buckets are reduced is the same on all
/// ranks, whatever the order in which their backward fills them: parameters that a rank does not use, or
/// graphs that differ from step to step, delay a bucket until `finish` and are no hang. A parameter used
/// twice counts once. One thread at a time uses this object.
class GradientAverager : public GradientReduction {
 public:
  /// Runs what may fail on one rank alone, such as taking memory, so that the others learn of it before they
  /// wait for that rank (comm/agreement.h has `together`).
  using Phase = std::function<void(const std::function<void()>& body)>;
  /// Makes all ranks start from rank 0's values: broadcasts them. Moves the gradients to memory of the
  /// communicator. Collective. The hooks it sets in the module's parameters go with it. Throws ConfigError on
  /// all ranks where a module is not like rank 0's (same_parameters.h).
  GradientAverager(
      FlatParameters& parameters, Communicator& gradients, const AveragerOptions& options = {},
      const Phase& phase = [](const auto& body) { body(); });
  ~GradientAverager() override;
  GradientAverager(const GradientAverager&) = delete;
  GradientAverager& operator=(const GradientAverager&) = delete;

  std::vector<SlicePart> parts() const override;
  StepTotals finish_totals(const StepTotals& mine, const at::Tensor& more = {}) override;
  std::optional<std::size_t> finish_part() override;
  void finish_on_device(const at::Tensor& totals) override;
  void abandon() override { begin_next_step(); }
  void sum_over_slices(const at::Tensor&) override {}
  double sum_over_slices(double mine) override { return mine; }
  void share_values() override {}

  std::int64_t bytes_per_step() const override { return bytes_; }
  const StepTraffic* traffic() const override { return &traffic_; }
  bool overlaps() const override { return overlaps_; }
  /// After `finish`: leaves what no rank used without a `.grad`, so that an optimizer of LibTorch's passes it
  /// over; with a gradient of zeros, weight decay and momentum would move it. Backward makes it anew.
  void drop_unused_gradients();
  const Buckets& buckets() const { return buckets_; }

 private:
  void prepare_steps();
  void repair_values();
  void set_hooks();
  void arrived(std::size_t entry);
  void launch_full_ones();
  void launch(std::size_t bucket);
  void start(const at::Tensor& tensor, std::size_t number);
  void launch_the_rest();
  void reduce_the_rest();
  void wait_for(std::size_t work);
  void begin_next_step();
  void agree_on_order();
  void find_unused();

  FlatParameters& parameters_;
  Communicator& gradients_;
  bool overlaps_ = false;
  Buckets buckets_;
  std::vector<std::size_t> order_;     // in which buckets are launched
  std::vector<std::size_t> arrivals_;  // in which they filled, in the first step
  std::vector<int> missing_;           // parameters that a bucket waits for
  std::size_t launched_ = 0;           // of order_
  std::int64_t early_ = 0;
  std::vector<at::Tensor> bucket_gradients_;
  std::vector<Work> works_;
  std::size_t waited_ = 0;  // of works_
  /// For the totals, so that they overtake buckets under way; null: they go behind them.
  std::unique_ptr<Communicator> fast_lane_;
  std::vector<std::uint8_t> used_;
  std::vector<std::uint8_t> arrived_;  // in this step, outside of no_sync()
  bool ordered_ = false, broken_ = false;
  at::Tensor totals_, host_totals_;  // the same tensor where gradients are on the host
  at::Tensor used_tensor_;
  std::int64_t bytes_ = 0;
  StepTraffic traffic_;
  struct Hooks;
  std::unique_ptr<Hooks> hooks_;
};

}  // namespace ringtrain
