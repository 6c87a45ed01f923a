#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "comm/averaging/flat_slice.h"

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

/// What reducing did in the last step.
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

/// How the gradients of a step become those of all ranks: each rank receives the sums of what its optimizer
/// updates, all of it (GradientAverager) or its own slices (ShardedAverager).
///
///     for each step:
///       parameters.zero_gradients();
///       backward (all micro-steps but the last one within no_sync())
///       const StepTotals totals = reduction.finish_totals({weight, loss_sum, ...});
///       while (const auto part = reduction.finish_part()) ...;      // the sums of this part are there
///       optimizer: applies parts()
///       reduction.share_values();
///
/// One thread at a time uses it. All methods but the constructor, accessors and no_sync are collective.
class GradientReduction {
 public:
  virtual ~GradientReduction() = default;

  /// What `finish_part` numbers: parts of the slices that this rank updates.
  virtual std::vector<SlicePart> parts() const = 0;

  /// While it lives, backward only accumulates. One within another ends with the outer one.
  class NoSync {
   public:
    explicit NoSync(bool& quiet) : quiet_(quiet), before_(std::exchange(quiet, true)) {}
    ~NoSync() { quiet_ = before_; }
    NoSync(const NoSync&) = delete;
    NoSync& operator=(const NoSync&) = delete;

   private:
    bool& quiet_;
    const bool before_;
  };
  [[nodiscard]] NoSync no_sync() { return NoSync(quiet_); }

  /// Ends the step but for the sums. `more`: [2] float64 on the gradients' device, a weight and a sum of
  /// losses that are added to `mine` there, so that the host need not wait for them; undefined: none. Throws
  /// CommError.
  virtual StepTotals finish_totals(const StepTotals& mine, const at::Tensor& more = {}) = 0;
  /// Then, until it returns none: the number of the part that holds its sums now.
  virtual std::optional<std::size_t> finish_part() = 0;
  /// Both.
  StepTotals finish(const StepTotals& mine, const at::Tensor& more = {});

  /// `finish` without a wait of the host on a GPU, for a step that is recorded as a graph (device_graph.h).
  /// `totals`: [5] float64 on the gradients' device, in StepTotals' order: first this rank's, then the sum.
  /// Moves the same data as `finish`, so that some ranks may call the one, some the other. Only after a first
  /// `finish`, and where every parameter is used: else throws CommError.
  virtual void finish_on_device(const at::Tensor& totals) = 0;
  /// Forgets what was begun in this step on this rank alone: after the recording of a graph failed.
  virtual void abandon() = 0;

  /// The sum over a rank's slices becomes that over all parameters (the squares of a norm): [] float64 on the
  /// gradients' device. Nothing travels where every rank has all.
  virtual void sum_over_slices(const at::Tensor& mine) = 0;
  virtual double sum_over_slices(double mine) = 0;
  /// After the update: every rank's values to every rank. Also after a step that updates nothing: a rank that
  /// replays a recorded step always takes part.
  virtual void share_values() = 0;

  /// After `finish_totals`: by number of FlatParameters::entries(), which parameters no rank used in this
  /// step; empty when each was used. An optimizer leaves them alone.
  const std::vector<bool>& unused() const { return unused_; }
  /// After `finish_totals`: whether each rank used each parameter.
  bool all_used() const { return all_used_; }

  /// Bytes that `finish` reduces.
  virtual std::int64_t bytes_per_step() const = 0;
  /// Of the last step; null where nobody measures it.
  virtual const StepTraffic* traffic() const = 0;
  /// Whether parts are reduced while backward goes on.
  virtual bool overlaps() const = 0;

 protected:
  bool quiet_ = false, all_used_ = false;
  std::vector<bool> unused_;
};

}  // namespace ringtrain
