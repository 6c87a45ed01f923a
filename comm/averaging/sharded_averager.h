#pragma once

#include <cstdint>
#include <vector>

#include "comm/averaging/flat_slice.h"
#include "comm/averaging/gradient_averager.h"
#include "comm/averaging/used_parameters.h"
#include "comm/communicator.h"

namespace ringtrain {

/// The slice of each group that rank `rank` of `world_size` updates, with a buffer of its own for its
/// gradients. Slices are equal multiples of 64 bytes; what is left over behind them (less than 64 bytes a
/// rank) belongs to the last rank. A slice may be empty.
std::vector<FlatSlice> shard_slices(const FlatParameters& parameters, int rank, int world_size);

/// Averaging for an optimizer whose state is divided over the ranks (ZeRO stage 1, Rajbhandari et al. 2020):
/// each rank receives the summed gradients of its own slices only, updates these, and hands the new values to
/// all. It moves as many bytes as an all-reduce: a reduce_scatter and an all_gather.
///
/// The optimizer updates `slices`.
///
/// All methods but the constructor and the accessors are collective.
class ShardedAverager : public GradientReduction {
 public:
  /// `slices`: those of `shard_slices`, for this rank. Does not communicate: the ranks' values are equal
  /// already.
  ShardedAverager(FlatParameters& parameters, std::vector<FlatSlice> slices, Communicator& gradients);

  /// Each slice is a part.
  std::vector<SlicePart> parts() const override;
  /// Afterwards the sums are in `slices()[i].gradients`; the flat gradients hold no meaning.
  StepTotals finish_totals(const StepTotals& mine, const at::Tensor& more = {}) override;
  std::optional<std::size_t> finish_part() override;
  void finish_on_device(const at::Tensor& totals) override;
  void abandon() override {}
  void sum_over_slices(const at::Tensor& mine) override;
  double sum_over_slices(double mine) override;
  /// `slices()[i].gradients` serves as a buffer.
  void share_values() override;

  /// `slice`: a tensor like slices()[i].values (an optimizer's state). Rank 0 receives the whole one, of the
  /// group's size; the others an undefined tensor.
  at::Tensor join(std::size_t i, const at::Tensor& slice);
  /// The way back: `whole`, on rank 0 (ignored elsewhere), fills `slice` of each rank.
  void deal(std::size_t i, const at::Tensor& whole, const at::Tensor& slice);

  const std::vector<FlatSlice>& slices() const { return slices_; }
  /// Bytes that `finish` reduces; `share_values` gathers as many.
  std::int64_t bytes_per_step() const override;
  const StepTraffic* traffic() const override { return nullptr; }
  bool overlaps() const override { return false; }

 private:
  void reduce();
  std::int64_t group_size(std::size_t i) const { return parameters_.groups()[i].values.numel(); }

  FlatParameters& parameters_;
  std::vector<FlatSlice> slices_;
  Communicator& gradients_;
  UsedParameters used_;
  std::size_t finished_ = 0;  ///< parts
  at::Tensor numbers_;  ///< float64, on the gradients' device: StepTotals, then 1 for each parameter reached
};

}  // namespace ringtrain
