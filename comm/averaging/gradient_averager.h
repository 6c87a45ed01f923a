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
#include "comm/communicator.h"

namespace ringtrain {

/// What travels beside the gradients of a step: first a rank's own share, after `finish` the sum over all
/// ranks.
struct StepTotals {
  double weight = 0;    ///< of the samples: their number, or the sum of their class weights
  double loss_sum = 0;  ///< of their losses, each times its weight
  double samples = 0;
  double stop = 0;    ///< ranks that caught a signal
  double failed = 0;  ///< ranks whose step failed: the sum of the gradients holds no meaning
};

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

/// What averaging did in the last step.
struct StepTraffic {
  struct Span {
    std::chrono::steady_clock::time_point begin, end;
    std::size_t bucket;  ///< its number; that of the totals is the number of buckets
  };
  std::int64_t bytes = 0;  ///< reduced, on this rank
  /// That the step waited for it, after backward; 0 in a recorded step, where nobody knows.
  std::chrono::duration<double> exposed{0};
  std::int64_t early_buckets = 0;  ///< begun while backward went on
  /// In the order in which they were begun. None on a GPU: the host does not know when they end.
  std::vector<Span> spans;

  /// Time in which at least one of the spans was under way.
  std::chrono::duration<double> under_way() const;
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
///
/// The gradients hold the sum over all samples of all ranks when `finish` returns.
/// A rank without samples calls `finish` alone. The order in which buckets are reduced is the same on all
/// ranks, whatever the order in which their backward fills them: parameters that a rank does not use, or
/// graphs that differ from step to step, delay a bucket until `finish` and are no hang. A parameter used
/// twice counts once. One thread at a time uses this object.
class GradientAverager {
 public:
  /// Runs what may fail on one rank alone, such as taking memory, so that the others learn of it before they
  /// wait for that rank (comm/agreement.h has `together`).
  using Phase = std::function<void(const std::function<void()>& body)>;
  /// Makes all ranks start from rank 0's values: broadcasts them. Moves the gradients to memory of the
  /// communicator. Collective. The hooks it sets in the module's parameters go with it.
  GradientAverager(
      FlatParameters& parameters, Communicator& gradients, const AveragerOptions& options = {},
      const Phase& phase = [](const auto& body) { body(); });
  ~GradientAverager();
  GradientAverager(const GradientAverager&) = delete;
  GradientAverager& operator=(const GradientAverager&) = delete;

  /// While it lives, backward only accumulates.
  class NoSync {
   public:
    explicit NoSync(bool& quiet) : quiet_(quiet) { quiet_ = true; }
    ~NoSync() { quiet_ = false; }
    NoSync(const NoSync&) = delete;
    NoSync& operator=(const NoSync&) = delete;

   private:
    bool& quiet_;
  };
  [[nodiscard]] NoSync no_sync() { return NoSync(quiet_); }

  /// Ends the step. Collective. Throws CommError. `more`: [2] float64 on the gradients' device, a weight and
  /// a sum of losses that are added to `mine` there, so that the host need not wait for them; undefined:
  /// none.
  StepTotals finish(const StepTotals& mine, const at::Tensor& more = {});

  /// `finish` in pieces, for a caller that uses the first buckets while the last ones are under way:
  ///
  ///     const StepTotals totals = averager.finish_totals(mine);
  ///     while (const auto bucket = averager.finish_bucket()) update(averager.buckets()[*bucket]);
  ///
  /// Everything that `finish` says but the sums is known after `finish_totals`. Then `finish_bucket` is
  /// called until it returns none: the number of the bucket that holds its sum now.
  StepTotals finish_totals(const StepTotals& mine, const at::Tensor& more = {});
  std::optional<std::size_t> finish_bucket();

  /// `finish` without a wait of the host on a GPU, for a step that is recorded as a graph (device_graph.h).
  /// `totals`: [5] float64 on the gradients' device, in StepTotals' order: first this rank's, then the sum.
  /// Moves the same data as `finish`, so that some ranks may call the one, some the other. Only after a first
  /// `finish`, and where every parameter is used: else throws CommError.
  void finish_on_device(const at::Tensor& totals);

  /// Forgets what was begun in this step on this rank alone: after the recording of a graph failed.
  void abandon() { begin_next_step(); }

  /// After `finish`: whether each rank used each parameter.
  bool all_used() const { return all_used_; }

  /// After `finish`: by number of FlatParameters::entries(), which parameters no rank used in this step;
  /// empty when each was used. An optimizer leaves them alone.
  const std::vector<bool>& unused() const { return unused_; }

  /// Bytes that `finish` reduces.
  std::int64_t bytes_per_step() const { return bytes_; }
  const StepTraffic& traffic() const { return traffic_; }
  const Buckets& buckets() const { return buckets_; }
  bool overlaps() const { return overlaps_; }

 private:
  void prepare_steps();
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
  bool overlaps_ = false, quiet_ = false;
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
  std::vector<bool> unused_;
  bool ordered_ = false, broken_ = false, all_used_ = false;
  at::Tensor totals_, host_totals_;  // the same tensor where gradients are on the host
  at::Tensor used_tensor_;
  std::int64_t bytes_ = 0;
  StepTraffic traffic_;
  struct Hooks;
  std::unique_ptr<Hooks> hooks_;
};

}  // namespace ringtrain
