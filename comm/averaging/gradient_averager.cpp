#include "comm/averaging/gradient_averager.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/utils.h>

#include <algorithm>
#include <numeric>

#include "comm/averaging/broadcast.h"
#include "comm/averaging/same_parameters.h"
#include "comm/profile_range.h"
#include "common/errors.h"

namespace ringtrain {
namespace {

// StepTotals, and how many ranks left a parameter unused.
constexpr std::int64_t total_count = sizeof(StepTotals) / sizeof(double) + 1;

}  // namespace

struct GradientAverager::Hooks {
  struct Hook {
    std::shared_ptr<torch::autograd::Node> accumulator;
    std::uintptr_t key;
  };
  std::vector<Hook> hooks;
  ~Hooks() {
    for (auto& hook : hooks) hook.accumulator->del_post_hook(hook.key);
  }
};

GradientAverager::GradientAverager(FlatParameters& parameters, Communicator& gradients,
                                   const AveragerOptions& options, const Phase& phase)
    : parameters_(parameters), gradients_(gradients), hooks_(std::make_unique<Hooks>()) {
  require_same_parameters(parameters, gradients);
  auto device = at::Device(at::kCPU);
  phase([&] {
    parameters.move_gradients([&gradients](std::int64_t numel, const at::TensorOptions& tensor_options) {
      return gradients.allocate(numel, tensor_options);
    });
    for (const auto& group : parameters.groups()) {
      device = group.values.device();
      bytes_ += static_cast<std::int64_t>(group.gradients.nbytes());
    }
    totals_ = at::zeros({total_count}, at::TensorOptions(at::kDouble).device(device));
    host_totals_ = device.is_cpu()
                       ? totals_
                       : at::zeros({total_count}, at::TensorOptions(at::kDouble).pinned_memory(true));
    bytes_ += static_cast<std::int64_t>(totals_.nbytes());
    used_.resize(parameters.entries().size());
    arrived_.resize(used_.size());
    used_tensor_ =
        at::zeros({static_cast<std::int64_t>(used_.size())}, at::TensorOptions(at::kByte).device(device));
  });
  for (const auto& group : parameters.groups()) gradients.broadcast(group.values, 0).wait();
  broadcast_tensors(parameters.others(), gradients);

  const bool background = gradients.works_in_background();
  overlaps_ = options.overlap == AveragerOptions::Overlap::automatic
                  ? background
                  : options.overlap == AveragerOptions::Overlap::on;
  std::int64_t bucket_bytes = 0;
  if (overlaps_)
    bucket_bytes =
        options.bucket_bytes > 0 ? options.bucket_bytes : measure_bucket_bytes(gradients, device, bytes_);
  buckets_ = Buckets(parameters, bucket_bytes);
  if (background && device.is_cpu() && buckets_.size() > 1) fast_lane_ = gradients.duplicate();
  phase([&] { prepare_steps(); });
}

GradientAverager::~GradientAverager() = default;

void GradientAverager::prepare_steps() {
  order_.resize(buckets_.size());
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  missing_.resize(buckets_.size());
  works_.reserve(buckets_.size() + 1);
  traffic_.spans.reserve(buckets_.size() + 1);
  for (std::size_t b = 0; b < buckets_.size(); ++b)
    bucket_gradients_.push_back(
        parameters_.groups()[buckets_[b].group].gradients.slice(0, buckets_[b].begin, buckets_[b].end));
  set_hooks();
  begin_next_step();
}

void GradientAverager::set_hooks() {
  using torch::autograd::variable_list;
  for (std::size_t i = 0; i < parameters_.entries().size(); ++i) {
    auto accumulator = torch::autograd::impl::grad_accumulator(parameters_.entries()[i].parameter);
    auto hook = [this, i](const variable_list& outputs, const variable_list&) {
      arrived(i);
      return outputs;
    };
    const auto key =
        accumulator->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(std::move(hook)));
    hooks_->hooks.push_back({std::move(accumulator), key});
  }
}

// Backward has accumulated the gradient of one parameter.
void GradientAverager::arrived(std::size_t entry) {
  used_[entry] = 1;
  if (quiet_) return;
  // Also where nothing is sent before `finish`: what passes on a laptop passes on a cluster.
  if (std::exchange(arrived_[entry], std::uint8_t{1}) != 0)
    throw ConfigError(fmt::format(
        "the gradient of {} was accumulated a second time in a step; run every backward of a step but the "
        "last one within GradientAverager::no_sync()",
        parameters_.entries()[entry].name));
  if (!overlaps_) return;
  const std::size_t bucket = buckets_.bucket_of(entry);
  if (--missing_[bucket] == 0) {
    if (!ordered_) arrivals_.push_back(bucket);
    launch_full_ones();
  }
  if (!works_.empty()) gradients_.progress();
}

void GradientAverager::launch_full_ones() {
  for (; launched_ < order_.size() && missing_[order_[launched_]] == 0; ++launched_) {
    launch(order_[launched_]);
    ++early_;
  }
}

void GradientAverager::launch(std::size_t number) {
  // A failed step is thrown away: what cannot be repaired need not be.
  if (!broken_)
    for (const std::size_t entry : buckets_[number].entries) parameters_.repair_gradient(entry);
  start(bucket_gradients_[number], number);
}

void GradientAverager::start(const at::Tensor& tensor, std::size_t number) {
  if (works_.empty()) traffic_.spans.clear();
  const ProfileRange range(number < buckets_.size() ? "bucket" : "totals", number);
  const auto now = std::chrono::steady_clock::now();
  traffic_.spans.push_back({now, now, number});
  Communicator& through = fast_lane_ && number == buckets_.size() ? *fast_lane_ : gradients_;
  works_.push_back(through.all_reduce(tensor, ReduceOp::sum, Compare::never));
}

std::vector<SlicePart> GradientAverager::parts() const {
  std::vector<SlicePart> parts;
  for (std::size_t b = 0; b < buckets_.size(); ++b)
    parts.push_back({buckets_[b].group, buckets_[b].begin, buckets_[b].end});
  return parts;
}

StepTotals GradientAverager::finish_totals(const StepTotals& mine, const at::Tensor& more) {
  repair_values();
  if (mine.failed > 0 && launched_ == 0) parameters_.zero_gradients();
  const bool complete = std::all_of(used_.begin(), used_.end(), [](auto used) { return used != 0; });
  auto* numbers = host_totals_.mutable_data_ptr<double>();
  const std::array<double, total_count> mine_now{mine.weight, mine.loss_sum, mine.samples,
                                                 mine.stop,   mine.failed,   complete ? 0.0 : 1.0};
  std::copy(mine_now.begin(), mine_now.end(), numbers);
  if (!totals_.is_same(host_totals_)) totals_.copy_(host_totals_, /*non_blocking=*/true);
  if (more.defined()) totals_.narrow(0, 0, 2).add_(more);
  if (mine.failed > 0) broken_ = true;
  traffic_.exposed = {};
  launch_the_rest();
  wait_for(buckets_.size());
  if (!totals_.is_same(host_totals_)) host_totals_.copy_(totals_);
  const StepTotals totals{numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]};
  unused_.clear();
  all_used_ = numbers[5] == 0;
  // Of a failed step nobody asks, and a rank that replays a recorded one would not take part.
  if (!all_used_ && totals.failed == 0) find_unused();
  if (!ordered_) agree_on_order();
  traffic_.bytes = bytes_;
  traffic_.early_buckets = early_;
  return totals;
}

std::optional<std::size_t> GradientAverager::finish_part() {
  if (waited_ == buckets_.size()) {
    if (!totals_.is_cpu()) traffic_.spans.clear();
    begin_next_step();
    return {};
  }
  wait_for(waited_);
  return traffic_.spans[waited_++].bucket;
}

void GradientAverager::finish_on_device(const at::Tensor& totals) {
  const bool complete = std::all_of(used_.begin(), used_.end(), [](auto used) { return used != 0; });
  if (!ordered_ || !complete)
    throw CommError(complete ? "a first step must be ended by GradientAverager::finish"
                             : "a parameter that the step does not use needs GradientAverager::finish");
  const auto mine = totals_.narrow(0, 0, total_count - 1);
  mine.copy_(totals);
  totals_.narrow(0, total_count - 1, 1).zero_();
  reduce_the_rest();
  totals.copy_(mine);
  traffic_.bytes = bytes_;
  traffic_.exposed = {};
  traffic_.early_buckets = early_;
  begin_next_step();
}

void GradientAverager::launch_the_rest() {
  for (; launched_ < order_.size(); ++launched_) launch(order_[launched_]);
  start(totals_, buckets_.size());
}

/// Work `i`, in the order in which they were begun: the totals come last.
void GradientAverager::wait_for(std::size_t i) {
  const auto begin = std::chrono::steady_clock::now();
  traffic_.spans[i].end = works_[i].wait();
  traffic_.exposed += std::chrono::steady_clock::now() - begin;
}

void GradientAverager::reduce_the_rest() {
  launch_the_rest();
  for (std::size_t i = 0; i < works_.size(); ++i) wait_for(i);
  if (!totals_.is_cpu()) traffic_.spans.clear();
}

void GradientAverager::begin_next_step() {
  works_.clear();
  waited_ = 0;
  arrivals_.clear();
  launched_ = 0;
  early_ = 0;
  broken_ = false;
  std::fill(used_.begin(), used_.end(), std::uint8_t{0});
  std::fill(arrived_.begin(), arrived_.end(), std::uint8_t{0});
  for (std::size_t b = 0; b < buckets_.size(); ++b)
    missing_[b] = static_cast<int>(buckets_[b].entries.size());
}

// Some rank did not use some parameter: which ones did nobody use?
void GradientAverager::find_unused() {
  const auto host = at::from_blob(used_.data(), {static_cast<std::int64_t>(used_.size())}, at::kByte);
  used_tensor_.copy_(host);
  gradients_.all_reduce(used_tensor_, ReduceOp::max, Compare::never).wait();
  host.copy_(used_tensor_);
  if (std::all_of(used_.begin(), used_.end(), [](auto used) { return used != 0; })) return;
  for (const auto used : used_) unused_.push_back(used == 0);
}

/// Where somebody put other tensors in the parameters' place, LibTorch has made new nodes that accumulate,
/// without our hooks: what this step's backward reached is not known, and counts as used.
void GradientAverager::repair_values() {
  if (parameters_.repair_values() == 0) return;
  hooks_ = std::make_unique<Hooks>();
  set_hooks();
  std::fill(used_.begin(), used_.end(), std::uint8_t{1});
}

void GradientAverager::drop_unused_gradients() {
  for (std::size_t i = 0; i < unused_.size(); ++i)
    if (unused_[i]) parameters_.entries()[i].parameter.mutable_grad() = at::Tensor();
}

// From the second step on buckets go in the order in which they filled on rank 0.
void GradientAverager::agree_on_order() {
  ordered_ = true;
  if (!overlaps_ || buckets_.size() < 2) return;
  for (std::size_t b = 0; b < buckets_.size(); ++b)
    if (std::find(arrivals_.begin(), arrivals_.end(), b) == arrivals_.end()) arrivals_.push_back(b);
  std::vector<std::int64_t> numbers(arrivals_.begin(), arrivals_.end());
  const auto host = at::from_blob(numbers.data(), {static_cast<std::int64_t>(numbers.size())}, at::kLong);
  const at::Tensor agreed = host.to(totals_.device());
  gradients_.broadcast(agreed, 0, Compare::never).wait();
  host.copy_(agreed);
  std::copy(numbers.begin(), numbers.end(), order_.begin());
}

}  // namespace ringtrain
