#include "comm/averaging/sharded_averager.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "common/errors.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kTotals = sizeof(StepTotals) / sizeof(double);

/// Elements [begin, end) of a group.
struct Part {
  std::int64_t begin, end;
  std::int64_t numel() const { return end - begin; }
};

/// The part that every rank has as much of: what reduce_scatter and all_gather move.
std::int64_t even_part(const at::Tensor& values, int world_size) {
  const std::int64_t line = 64 / values.element_size();
  return values.numel() / (line * world_size) * line;
}

Part part_of(const at::Tensor& values, int rank, int world_size) {
  const std::int64_t even = even_part(values, world_size);
  return {rank * even, rank + 1 == world_size ? values.numel() : (rank + 1) * even};
}

}  // namespace

std::vector<FlatSlice> shard_slices(const FlatParameters& parameters, int rank, int world_size) {
  std::vector<FlatSlice> slices;
  for (const auto& group : parameters.groups()) {
    const Part part = part_of(group.values, rank, world_size);
    const auto values = group.values.narrow(0, part.begin, part.numel());
    slices.push_back({slices.size(), part.begin, values, at::zeros_like(values)});
  }
  return slices;
}

ShardedAverager::ShardedAverager(FlatParameters& parameters, std::vector<FlatSlice> slices,
                                 Communicator& gradients)
    : parameters_(parameters), slices_(std::move(slices)), gradients_(gradients), used_(parameters) {
  auto options = at::TensorOptions(at::kDouble);
  if (!slices_.empty()) options = options.device(slices_[0].values.device());
  numbers_ = at::zeros({kTotals + static_cast<std::int64_t>(parameters.entries().size())}, options);
}

std::vector<SlicePart> ShardedAverager::parts() const {
  std::vector<SlicePart> parts;
  for (std::size_t i = 0; i < slices_.size(); ++i) parts.push_back({i, 0, slices_[i].values.numel()});
  return parts;
}

/// Gradients and numbers of all ranks.
void ShardedAverager::reduce() {
  const int ranks = gradients_.world_size();
  for (std::size_t i = 0; i < slices_.size(); ++i) {
    const auto& gradients = parameters_.groups()[i].gradients;
    const auto& slice = slices_[i].gradients;
    const std::int64_t even = even_part(gradients, ranks), left = gradients.numel() - ranks * even;
    if (even > 0)
      gradients_
          .reduce_scatter(slice.narrow(0, 0, even), gradients.narrow(0, 0, ranks * even), Compare::never)
          .wait();
    if (left == 0) continue;
    const auto rest = gradients.narrow(0, ranks * even, left);
    gradients_.all_reduce(rest, ReduceOp::sum, Compare::never).wait();
    if (gradients_.rank() + 1 == ranks) slice.narrow(0, even, left).copy_(rest);
  }
  gradients_.all_reduce(numbers_, ReduceOp::sum, Compare::never).wait();
}

StepTotals ShardedAverager::finish_totals(const StepTotals& mine, const at::Tensor& more) {
  const bool replaced = parameters_.repair_values() > 0;
  if (replaced) used_ = UsedParameters(parameters_);  // LibTorch has made new nodes, without our hooks
  if (mine.failed > 0)
    parameters_.zero_gradients();
  else
    parameters_.repair_gradients();
  std::vector<double> numbers{mine.weight, mine.loss_sum, mine.samples, mine.stop, mine.failed};
  for (const bool used : used_.take()) numbers.push_back(used || replaced ? 1 : 0);
  const auto host = at::from_blob(numbers.data(), numbers_.sizes(), at::kDouble);
  numbers_.copy_(host);
  if (more.defined()) numbers_.narrow(0, 0, 2).add_(more);
  reduce();
  host.copy_(numbers_);
  unused_.clear();
  all_used_ = true;
  for (auto reached = numbers.begin() + kTotals; reached != numbers.end(); ++reached) {
    unused_.push_back(*reached == 0);
    all_used_ = all_used_ && *reached == gradients_.world_size();
  }
  if (std::none_of(unused_.begin(), unused_.end(), [](bool sits_out) { return sits_out; })) unused_.clear();
  finished_ = 0;
  return {numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]};
}

std::optional<std::size_t> ShardedAverager::finish_part() {
  if (finished_ == slices_.size()) return {};
  return finished_++;
}

void ShardedAverager::finish_on_device(const at::Tensor& totals) {
  const auto used = used_.take();
  if (!std::all_of(used.begin(), used.end(), [](bool one) { return one; }))
    throw CommError("a parameter that the step does not use needs ShardedAverager::finish");
  parameters_.repair_gradients();
  numbers_.narrow(0, 0, kTotals).copy_(totals);
  numbers_.narrow(0, kTotals, numbers_.numel() - kTotals).fill_(1);
  reduce();
  totals.copy_(numbers_.narrow(0, 0, kTotals));
}

void ShardedAverager::sum_over_slices(const at::Tensor& mine) {
  gradients_.all_reduce(mine, ReduceOp::sum, Compare::never).wait();
}

double ShardedAverager::sum_over_slices(double mine) {
  const auto number = numbers_.narrow(0, 0, 1);
  number.fill_(mine);
  gradients_.all_reduce(number, ReduceOp::sum, Compare::never).wait();
  return number.item<double>();
}

void ShardedAverager::share_values() {
  const int ranks = gradients_.world_size();
  for (std::size_t i = 0; i < slices_.size(); ++i) {
    const auto& values = parameters_.groups()[i].values;
    const std::int64_t even = even_part(values, ranks), left = values.numel() - ranks * even;
    if (even > 0) {
      // A collective's input must not lie within its output.
      const auto mine = slices_[i].gradients.narrow(0, 0, even);
      mine.copy_(slices_[i].values.narrow(0, 0, even));
      gradients_.all_gather(values.narrow(0, 0, ranks * even), mine, Compare::never).wait();
    }
    if (left > 0)
      gradients_.broadcast(values.narrow(0, ranks * even, left), ranks - 1, Compare::never).wait();
  }
}

at::Tensor ShardedAverager::join(std::size_t i, const at::Tensor& slice) {
  const int ranks = gradients_.world_size();
  at::Tensor whole;
  if (gradients_.rank() == 0) whole = at::empty({group_size(i)}, slice.options());
  for (int owner = 0; owner < ranks; ++owner) {
    const Part part = part_of(parameters_.groups()[i].values, owner, ranks);
    if (part.numel() == 0) continue;
    const auto piece = gradients_.rank() == owner ? slice : at::empty({part.numel()}, slice.options());
    gradients_.broadcast(piece, owner).wait();
    if (whole.defined()) whole.narrow(0, part.begin, part.numel()).copy_(piece);
  }
  return whole;
}

void ShardedAverager::deal(std::size_t i, const at::Tensor& whole, const at::Tensor& slice) {
  const int ranks = gradients_.world_size(), rank = gradients_.rank();
  for (int owner = 0; owner < ranks; ++owner) {
    const Part part = part_of(parameters_.groups()[i].values, owner, ranks);
    if (part.numel() == 0) continue;
    const auto piece = rank == owner ? slice : at::empty({part.numel()}, slice.options());
    if (rank == 0) piece.copy_(whole.narrow(0, part.begin, part.numel()));
    gradients_.broadcast(piece, 0).wait();
  }
}

std::int64_t ShardedAverager::bytes_per_step() const {
  std::int64_t bytes = static_cast<std::int64_t>(numbers_.nbytes());
  for (const auto& group : parameters_.groups()) bytes += static_cast<std::int64_t>(group.gradients.nbytes());
  return bytes;
}

}  // namespace ringtrain
