#include "trainer/step/recorded_step.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "trainer/optimizer/gradient_norm.h"
#include "trainer/step/update_rule.h"

namespace ringtrain {
namespace {

/// Plain steps before recording: what LibTorch and NCCL do in their first calls cannot be recorded.
constexpr int kWarmUp = 3;

/// Places in the numbers of a step: those of StepTotals, in its order, and the norm.
constexpr std::int64_t kWeight = 0, kLossSum = 1, kSamples = 2, kStop = 3, kFailed = 4, kNorm = 5;
constexpr std::int64_t kTotals = sizeof(StepTotals) / sizeof(double);
static_assert(kTotals == kNorm);

}  // namespace

std::optional<std::string> RecordedStep::obstacle(const RunConfig& config) {
  if (config.trainer.precision == "float64")
    return "with trainer.precision: float64 the learning rate would be rounded";
  return std::nullopt;
}

bool RecordedStep::takes_norm(const TrainerConfig& config) {
  return config.clip_norm > 0 || config.non_finite == "skip" || config.precision == "float16";
}

RecordedStep::RecordedStep(const RunConfig& config, const Pass& pass, GraphRecorder recorder)
    : config_(config),
      pass_(pass),
      replica_(pass.replica),
      reduction_(pass.reduction),
      recorder_(std::move(recorder)) {
  pass_.trace = nullptr;
}

bool RecordedStep::takes(const Batch& batch) const {
  // Of a batch in which this rank has two samples each other one has some: a rank with none leaves parameters
  // unused, and asks all who else did.
  const bool others_have_some = size_ > 1 || config_.trainer.global_batch_size == 1;
  return warm_ >= kWarmUp && batch.size() == size_ && has_known_shapes(batch) && others_have_some &&
         reduction_.all_used() && replica_.optimizer->treats_all_alike();
}

bool RecordedStep::has_known_shapes(const Batch& batch) const {
  return !graph_ || (inputs_.is_like(batch.inputs) && targets_.is_like(batch.targets) &&
                     weights_.defined() == batch.weights.defined());
}

void RecordedStep::warmed_up(const Batch& batch) {
  if (graph_ || batch.size() == 0) return;
  ++warm_;
  size_ = std::max(size_, batch.size());
}

RecordedStep::Numbers RecordedStep::run(const Batch& batch, double lr, double loss_scale, bool stop) {
  inputs_.copy_from(batch.inputs);
  targets_.copy_from(batch.targets);
  if (weights_.defined()) weights_.copy_(batch.weights);
  std::array<double, kTotals + 1> host{};
  const auto on_host = at::from_blob(host.data(), {kTotals + 1}, at::kDouble);
  host[kSamples] = static_cast<double>(batch.size());
  host[kStop] = stop ? 1 : 0;
  mine_.copy_(on_host);
  replica_.optimizer->begin();
  const auto rates = replica_.optimizer->rates(lr);
  for (std::size_t kind = 0; kind < rates.size(); ++kind)
    lr_[static_cast<std::int64_t>(kind)].fill_(rates[kind]);
  if (scale_.defined()) scale_.fill_(loss_scale);
  graph_->replay();
  on_host.copy_(numbers_);  // the one wait of the step
  return {{host[kWeight], host[kLossSum], host[kSamples], host[kStop], host[kFailed]}, host[kNorm]};
}

void RecordedStep::record(const Batch& batch) {
  inputs_ = batch.inputs.to(pass_.device).clone();
  targets_ = batch.targets.to(pass_.device).clone();
  if (batch.weights.defined()) weights_ = batch.weights.to(pass_.device).clone();
  numbers_ = at::zeros({kTotals + 1}, at::TensorOptions(at::kDouble).device(pass_.device));
  mine_ = at::zeros_like(numbers_);
  const auto options = numbers_.options().dtype(at::kFloat);
  lr_ = at::zeros({static_cast<std::int64_t>(replica_.optimizer->rates(0).size())}, options);
  if (config_.trainer.precision == "float16") scale_ = at::ones({}, options);
  try {
    graph_ = recorder_([this] { work(); });
  } catch (...) {
    reduction_.abandon();
    throw;
  }
}

/// All that a step does on the device. Nothing here may wait for a number.
void RecordedStep::work() {
  numbers_.copy_(mine_);
  const auto of = static_cast<int>(config_.trainer.accumulate);
  const auto pieces = pass_.pieces(of, size_);
  pass_.run({inputs_, targets_, {}, weights_}, pieces, of, 1.0 / global_batch_size(), scale_,
            [this](const LossSum& loss, std::int64_t) {
              numbers_[kWeight] += loss.weight;
              numbers_[kLossSum] += loss.loss_sum.detach();
            });
  reduction_.finish_on_device(numbers_.narrow(0, 0, kTotals));
  update();
}

/// TrainingStep::update with numbers of the device.
void RecordedStep::update() {
  const auto weight = scale_.defined() ? numbers_[kWeight] * scale_ : numbers_[kWeight];
  auto divisor = divisor_of(weight, global_batch_size());
  const double clip = config_.trainer.clip_norm;
  auto spoilt = (numbers_[kLossSum] / numbers_[kWeight]).isfinite().logical_not() | numbers_[kFailed].gt(0);
  if (takes_norm(config_.trainer)) {
    const auto squares = sum_of_squares_on_device(replica_.optimizer->gradients());
    reduction_.sum_over_slices(squares);
    const auto norm = squares.sqrt() / divisor;
    numbers_[kNorm].copy_(norm);
    spoilt = spoilt | norm.isfinite().logical_not();
    if (clip > 0) divisor = clipped(divisor, norm, clip);
  }
  replica_.optimizer->apply_all(Optimizer::DeviceNumbers{lr_, divisor, spoilt.to(at::kFloat)});
  reduction_.share_values();
}

}  // namespace ringtrain
