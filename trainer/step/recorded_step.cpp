#include "trainer/step/recorded_step.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "data/order/sampler.h"
#include "trainer/precision/forward.h"

namespace ringtrain {
namespace {

/// Plain steps before recording: what LibTorch and NCCL do in their first calls cannot be recorded.
constexpr int kWarmUp = 3;

/// Places in the numbers of a step: those of StepTotals, in its order, and the norm.
constexpr std::int64_t kWeight = 0, kLossSum = 1, kSamples = 2, kStop = 3, kFailed = 4, kNorm = 5;
constexpr std::int64_t kTotals = sizeof(StepTotals) / sizeof(double);
static_assert(kTotals == kNorm);

}  // namespace

std::optional<std::string> RecordedStep::obstacle(const RunConfig& config, int world_size) {
  const TrainerConfig& trainer = config.trainer;
  if (trainer.precision == "float16")
    return "with trainer.precision: float16 the host decides about each step";
  if (trainer.precision == "float64")
    return "with trainer.precision: float64 the learning rate would be rounded";
  if (trainer.shard_optimizer && world_size > 1) return "trainer.shard_optimizer: true is not recorded";
  if (trainer.sync_batch_norm && world_size > 1)
    return "with trainer.sync_batch_norm: true ranks agree before each step";
  return std::nullopt;
}

RecordedStep::RecordedStep(const RunConfig& config, const Task& task, Replica& replica,
                           GradientAverager& averager, std::optional<c10::ScalarType> autocast,
                           GraphRecorder recorder)
    : config_(config),
      task_(task),
      replica_(replica),
      averager_(averager),
      autocast_(autocast),
      recorder_(std::move(recorder)) {}

bool RecordedStep::takes(const Batch& batch) const {
  return warm_ >= kWarmUp && batch.size() == size_ && size_ > 0 && averager_.all_used() &&
         replica_.optimizer->treats_all_alike();
}

void RecordedStep::warmed_up(const Batch& batch) {
  if (graph_ || batch.size() == 0) return;
  ++warm_;
  size_ = std::max(size_, batch.size());
}

RecordedStep::Numbers RecordedStep::run(const Batch& batch, double lr, bool stop) {
  inputs_.copy_(batch.inputs);
  targets_.copy_(batch.targets);
  std::array<double, kTotals + 1> host{};
  const auto on_host = at::from_blob(host.data(), {kTotals + 1}, at::kDouble);
  host[kSamples] = static_cast<double>(batch.size());
  host[kStop] = stop ? 1 : 0;
  mine_.copy_(on_host);
  replica_.optimizer->prepare(lr, lr_);
  graph_->replay();
  on_host.copy_(numbers_);  // the one wait of the step
  return {{host[kWeight], host[kLossSum], host[kSamples], host[kStop], host[kFailed]}, host[kNorm]};
}

void RecordedStep::record(const Batch& batch) {
  const auto device = replica_.parameters->groups().front().values.device();
  inputs_ = batch.inputs.to(device).clone();
  targets_ = batch.targets.to(device).clone();
  numbers_ = at::zeros({kTotals + 1}, at::TensorOptions(at::kDouble).device(device));
  mine_ = at::zeros_like(numbers_);
  lr_ = at::zeros({}, numbers_.options().dtype(at::kFloat));
  try {
    graph_ = recorder_([this] { work(); });
  } catch (...) {
    averager_.abandon();
    throw;
  }
}

/// All that a step does on the device. Nothing here may wait for a number.
void RecordedStep::work() {
  numbers_.copy_(mine_);
  replica_.parameters->zero_gradients();
  backward();
  averager_.finish_on_device(numbers_.narrow(0, 0, kTotals));
  update();
}

void RecordedStep::backward() {
  const double seed = 1.0 / static_cast<double>(config_.trainer.global_batch_size);
  const auto pieces = static_cast<int>(std::min(config_.trainer.accumulate, size_));
  for (int piece = 0; piece < pieces; ++piece) {
    const Range part = even_share(size_, piece, pieces);
    const std::int64_t count = part.end - part.begin;
    const auto outputs = forward(*replica_.model, inputs_.narrow(0, part.begin, count), autocast_);
    const LossSum loss = task_.loss_sum(outputs, targets_.narrow(0, part.begin, count));
    const auto gradient = at::full_like(loss.loss_sum, seed);
    if (piece + 1 == pieces) {
      loss.loss_sum.backward(gradient);
    } else {
      const auto quiet = averager_.no_sync();
      loss.loss_sum.backward(gradient);
    }
    numbers_[kWeight] += loss.weight;
    numbers_[kLossSum] += loss.loss_sum.detach();
  }
}

/// Divides once, clips, and takes the optimizer's step: TrainingStep::update with numbers of the device.
void RecordedStep::update() {
  auto divisor = numbers_[kWeight] / static_cast<double>(config_.trainer.global_batch_size);
  const double clip = config_.trainer.clip_norm;
  auto spoilt = (numbers_[kLossSum] / numbers_[kWeight]).isfinite().logical_not() | numbers_[kFailed].gt(0);
  if (clip > 0 || config_.trainer.non_finite == "skip") {
    auto squares = at::zeros_like(divisor);
    for (const auto& gradients : replica_.optimizer->gradients())
      if (gradients.numel() > 0)
        squares += at::linalg_vector_norm(gradients, 2, {}, false, at::kDouble).square();
    const auto norm = squares.sqrt() / divisor;
    numbers_[kNorm].copy_(norm);
    spoilt = spoilt | norm.isfinite().logical_not();
    if (clip > 0) divisor = divisor * ((norm + 1e-6) / clip).clamp_min(1.0);
  }
  replica_.optimizer->update(lr_, divisor, spoilt.to(at::kFloat));
}

}  // namespace ringtrain
