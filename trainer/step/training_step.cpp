#include "trainer/step/training_step.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "comm/agreement.h"
#include "common/errors.h"
#include "common/log.h"
#include "trainer/optimizer/gradient_norm.h"
#include "trainer/optimizer/schedule.h"
#include "trainer/precision/autocast.h"
#include "trainer/setup/comm_options.h"
#include "trainer/step/non_finite.h"
#include "trainer/step/pass.h"
#include "trainer/step/step_seed.h"
#include "trainer/step/update_rule.h"

namespace ringtrain {
namespace {

/// Each step starts the generator anew (trainer/step/step_seed.h).
void seed_step(std::uint64_t seed, const at::Device& device) {
  auto generator = at::globalContext().defaultGenerator(device);
  const std::lock_guard lock(generator.mutex());
  generator.set_current_seed(seed);
}

std::string step_name(std::int64_t step) { return fmt::format("training step {}", step + 1); }

const char* const kLossScaler = "loss_scaler";
const char* const kBucketBytes = "bucket_bytes";
const char* const kSkippedInARow = "skipped_in_a_row";

/// With NCCL or MPI_Allreduce buckets may decide the order of summation: a resumed run takes those of the
/// run before.
std::int64_t bucket_bytes_of(const nlohmann::json& state) {
  const auto found = state.find(kBucketBytes);
  if (found == state.end()) return 0;
  if (!found->is_number_integer() || *found < 1)
    throw CheckpointError("the checkpoint's state.json: bucket_bytes is no positive whole number");
  return found->get<std::int64_t>();
}

}  // namespace

TrainingStep::TrainingStep(World& world, const RunConfig& config, const Task& task, Replica& replica,
                           Communicator& gradients, const std::string& device, Trace& trace,
                           const nlohmann::json& state, GraphRecorder recorder)
    : world_(world),
      config_(config),
      task_(task),
      replica_(replica),
      device_(device),
      trace_(trace),
      autocast_(autocast_type(config.trainer.precision)) {
  auto options = averager_options(config.comm);
  together(world.control(), "resuming", [&] {
    if (options.bucket_bytes == 0) options.bucket_bytes = bucket_bytes_of(state);
    skipped_in_a_row_ = state.value(kSkippedInARow, std::int64_t{0});
    if (autocast_ && config.trainer.weight_copies)
      copies_ = std::make_unique<ShadowCopies>(*replica.parameters, *autocast_);
    if (autocast_ != at::kHalf) return;
    scaler_ = state.contains(kLossScaler) ? LossScaler::from_json(state.at(kLossScaler)) : LossScaler();
  });
  if (!replica.shards)
    averager_ = std::make_unique<GradientAverager>(
        *replica.parameters, gradients, options, [&world](const std::function<void()>& body) {
          together(world.control(), "preparing the averaging of gradients", body);
        });
  reduction_ = averager_ ? averager_.get() : static_cast<GradientReduction*>(replica.shards.get());
  together(world.control(), "preparing the optimizer", [&] { replica.optimizer->cut(reduction_->parts()); });
  if (config.trainer.sync_batch_norm && world.world_size() > 1) {
    // Backward's sums may run while gradients are averaged: a communicator of their own.
    statistics_ = gradients.duplicate();
    together(world.control(), "synchronising batch norm",
             [&] { norms_ = std::make_unique<JoinedBatchNorms>(*replica.model, statistics_); });
    if (norms_->size() == 0) norms_.reset();
    if (!norms_) statistics_.reset();
  }
  together(world.control(), "trainer.cuda_graph", [&] { prepare_recording(std::move(recorder)); });
}

void TrainingStep::prepare_recording(GraphRecorder recorder) {
  const std::string& wanted = config_.trainer.cuda_graph;
  if (wanted == "off" || (wanted == "auto" && !recorder)) return;
  auto obstacle = RecordedStep::obstacle(config_);
  if (!recorder) obstacle = "there is no GPU for each rank";
  if (!obstacle) {
    recorded_ = std::make_unique<RecordedStep>(config_, pass(), std::move(recorder));
    return;
  }
  if (wanted == "on")
    throw ConfigError(fmt::format("trainer.cuda_graph: on, but {}; use auto or off", *obstacle));
  news_ = fmt::format("steps are not recorded as a CUDA graph: {}", *obstacle);
}

/// Records the step, if that is not done; false: it cannot be, and never will.
bool TrainingStep::is_recorded(const Batch& batch) {
  if (recorded_->recorded()) return true;
  std::string why;
  try {
    recorded_->record(batch);
  } catch (...) {
    why = what_of(std::current_exception()).text;
  }
  if (agreed(why.empty() ? Ability::replay : Ability::compute) == Ability::replay) {
    news_ = "the step is recorded as a CUDA graph, and replayed from here on";
    return true;
  }
  recorded_.reset();
  if (why.empty()) why = "another rank cannot";
  if (config_.trainer.cuda_graph == "on")
    throw ConfigError(fmt::format("trainer.cuda_graph: on, but the step cannot be recorded: {}", why));
  news_ = fmt::format("steps are not recorded as a CUDA graph: {}", why);
  return false;
}

StepOutcome TrainingStep::replay(const Batch& batch, bool stop, std::int64_t step, std::int64_t total_steps) {
  const auto span = trace_.span("recorded step");
  StepOutcome outcome;
  outcome.loss_scale = scaler_ ? scaler_->scale() : 1.0;
  outcome.learning_rate =
      learning_rate(config_.trainer.schedule, config_.trainer.optimizer.lr, step, total_steps);
  const auto numbers = recorded_->run(batch, outcome.learning_rate, outcome.loss_scale, stop);
  outcome.totals = numbers.totals;
  if (outcome.totals.failed > 0) raise_together(world_.control(), step_name(step), nullptr);
  const double loss = outcome.totals.loss_sum / outcome.totals.weight;
  if (weighs_nothing(outcome.totals, step)) {  // the device has left it out
    outcome.skipped = true;
    replica_.optimizer->sat_out();
    return outcome;
  }
  if (may_leave_out()) {
    outcome.skipped = left_out(loss, numbers.norm, batch, step);
    if (outcome.skipped) replica_.optimizer->sat_out();
    return outcome;
  }
  check_finite(loss, "the loss", batch, step);
  check_finite(numbers.norm, "the norm of the gradient", batch, step);
  return outcome;
}

nlohmann::json TrainingStep::state() const {
  auto state = nlohmann::json::object();
  if (scaler_) state[kLossScaler] = scaler_->to_json();
  if (skipped_in_a_row_ > 0) state[kSkippedInARow] = skipped_in_a_row_;
  if (buckets()) state[kBucketBytes] = buckets()->bytes();
  return state;
}

std::int64_t TrainingStep::bytes_per_step() const { return reduction_->bytes_per_step(); }

StepOutcome TrainingStep::run(Loader& loader, const StopSignal& signal, std::int64_t step,
                              std::int64_t total_steps, std::exception_ptr failure) {
  StepTotals mine;
  Batch batch;
  bool replays = false;
  const auto begin = std::chrono::steady_clock::now();
  Beacon& beacon = world_.beacon();
  beacon.enter(Phase::loading, step + 1);
  try {
    const auto span = trace_.span("load");
    if (!failure) batch = loader.next().samples;
  } catch (...) {
    failure = std::current_exception();
  }
  const std::chrono::duration<double> loading = std::chrono::steady_clock::now() - begin;
  beacon.enter(Phase::computing);
  const auto mine_can = failure                                ? Ability::nothing
                        : recorded_ && recorded_->takes(batch) ? Ability::replay
                                                               : Ability::compute;
  if (const auto can = agreed(mine_can); can != Ability::nothing) {
    try {
      seed_step(step_seed(config_.seed, step, world_.rank()), at::Device(device_));
      replays = can == Ability::replay && is_recorded(batch);
      if (!replays) mine = work_through(batch);
    } catch (...) {
      failure = std::current_exception();
      if (statistics_) leave(failure, step);
    }
  }
  if (replays) {
    auto outcome = replay(batch, signal.caught(), step, total_steps);
    outcome.loading = loading;
    return outcome;
  }
  if (failure) {
    mine = {.failed = 1};
    sums_ = at::Tensor();
  }
  mine.stop = signal.caught() ? 1 : 0;
  beacon.enter(Phase::waiting);
  const StepTotals totals = average(mine);
  if (totals.failed > 0) {
    gather();
    // What ranks that replay a recorded step move after the sums.
    if (RecordedStep::takes_norm(config_.trainer)) reduction_->sum_over_slices(0.0);
    reduction_->share_values();
    raise_together(world_.control(), step_name(step), failure);
  }
  if (recorded_) recorded_->warmed_up(batch);
  auto outcome = update(batch, totals, step, total_steps);
  outcome.loading = loading;
  return outcome;
}

TrainingStep::Ability TrainingStep::agreed(Ability mine) {
  if (!statistics_) return mine;
  const auto worst =
      at::full({1}, static_cast<int>(mine), at::TensorOptions(at::kInt).device(at::Device(device_)));
  statistics_->all_reduce(worst, ReduceOp::max, Compare::never).wait();
  return static_cast<Ability>(worst.item<int>());
}

/// The others wait in a batch norm for this rank: they cannot be told. Returns only where every rank failed
/// alike.
void TrainingStep::leave(const std::exception_ptr& failure, std::int64_t step) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    if (error.agreed()) return;
  } catch (...) {  // whatever it is: what_of knows
  }
  const Said said = what_of(failure);
  log::error(fmt::format("rank {} (host {}), training step {}: {}", world_.rank(), world_.host(), step + 1,
                         said.text));
  world_.control().abort(said.exit_code);
  std::rethrow_exception(failure);
}

Pass TrainingStep::pass() {
  return {task_, replica_, *reduction_, at::Device(device_), autocast_, copies_.get(), norms_.get(), &trace_};
}

/// Forward and backward over this rank's share, in `accumulate` pieces.
StepTotals TrainingStep::work_through(const Batch& batch) {
  StepTotals totals;
  sums_ = at::Tensor();
  const double seed =
      (scaler_ ? scaler_->scale() : 1.0) / static_cast<double>(config_.trainer.global_batch_size);
  const auto of = static_cast<int>(config_.trainer.accumulate);
  const at::Device device(device_);
  const Pass here = pass();
  here.run(
      batch, here.pieces(of, batch.size()), of, seed, {}, [&](const LossSum& loss, std::int64_t samples) {
        totals.samples += static_cast<double>(samples);
        if (device.is_cpu()) {
          totals.loss_sum += loss.loss_sum.item<double>();
          totals.weight += loss.weight.item<double>();
          return;
        }
        // The host does not wait for them.
        const auto sums = at::stack({loss.weight.to(at::kDouble), loss.loss_sum.detach().to(at::kDouble)});
        sums_ = sums_.defined() ? sums_ + sums : sums;
      });
  replica_.parameters->repair_gradients();  // throws for what cannot be averaged
  return totals;
}

/// The totals; the sums of the gradients are there after `gather`.
StepTotals TrainingStep::average(const StepTotals& mine) {
  const auto span = trace_.span("average");
  return reduction_->finish_totals(mine, sums_);
}

std::optional<std::size_t> TrainingStep::next_part() {
  {
    const auto span = trace_.span("wait");
    if (const auto part = reduction_->finish_part()) return part;
  }
  if (const auto* traffic = reduction_->traffic(); traffic && trace_.records())
    for (const auto& [begin, end, bucket] : traffic->spans)
      trace_.add_beside(bucket < replica_.optimizer->parts() ? fmt::format("bucket {}", bucket) : "totals",
                        begin, end);
  return {};
}

void TrainingStep::gather() {
  while (next_part()) {
  }
}

/// Where parts arrive one after the other, and none is needed to decide about another one.
bool TrainingStep::can_update_in_parts(double loss) const {
  return reduction_->overlaps() && device_ == "cpu" && config_.trainer.clip_norm == 0 && !scaler_ &&
         config_.trainer.non_finite == "stop" && std::isfinite(loss);
}

void TrainingStep::update_in_parts(double learning_rate, double divisor) {
  replica_.optimizer->begin(reduction_->unused());
  while (const auto part = next_part()) {
    const auto span = trace_.span("update");
    replica_.optimizer->apply(*part, Optimizer::Numbers{learning_rate, divisor});
  }
  reduction_->share_values();
}

/// Of the summed gradients, before any division.
double TrainingStep::norm() {
  return std::sqrt(reduction_->sum_over_slices(sum_of_squares(replica_.optimizer->gradients())));
}

/// Every rank decides by the same numbers: they throw together or not at all.
void TrainingStep::adjust_scale(bool finite) {
  try {
    scaler_->update(finite);
  } catch (const TrainingError&) {
    raise_together(world_.control(), "training", std::current_exception());
  }
}

void TrainingStep::check_finite(double number, std::string_view what, const Batch& batch, std::int64_t step) {
  if (std::isfinite(number)) return;
  const auto why = explain_non_finite(world_, replica_, task_, batch, device_, autocast_);
  raise_together(world_.control(), "training",
                 std::make_exception_ptr(TrainingError(fmt::format(
                     "{} is {} at step {}: {}. Mend the data, lower trainer.optimizer.lr, clip the gradient "
                     "(trainer.clip_norm), or "
                     "leave such steps out (trainer.non_finite: skip)",
                     what, std::isnan(number) ? "nan" : fmt::format("{}", number), step + 1, why))));
}

/// Whether the weights of all samples of all ranks are 0: there is nothing to learn from them.
bool TrainingStep::weighs_nothing(const StepTotals& totals, std::int64_t step) {
  if (totals.weight != 0 || totals.loss_sum != 0) return false;
  if (!told_of_weights_)
    news_ = fmt::format("step {} is left out, as others may be: its samples have the weight 0 (data.weight)",
                        step + 1);
  told_of_weights_ = true;
  return true;
}

/// Whether a step whose loss or gradient is not finite is left out, and training goes on.
bool TrainingStep::may_leave_out() const { return scaler_ || config_.trainer.non_finite == "skip"; }

/// Whether this one is.
bool TrainingStep::left_out(double loss, double length, const Batch& batch, std::int64_t step) {
  if (scaler_) {
    const bool finite = std::isfinite(length) && std::isfinite(loss);
    adjust_scale(finite);
    return !finite;
  }
  if (std::isfinite(loss) && std::isfinite(length)) {
    skipped_in_a_row_ = 0;
    return false;
  }
  const auto why = explain_non_finite(world_, replica_, task_, batch, device_, autocast_);
  if (++skipped_in_a_row_ > config_.trainer.max_skipped_steps)
    raise_together(world_.control(), "training",
                   std::make_exception_ptr(TrainingError(
                       fmt::format("{} steps in a row gave a loss or a gradient that is not finite "
                                   "(trainer.max_skipped_steps: {}), the last at step {}: {}",
                                   skipped_in_a_row_, config_.trainer.max_skipped_steps, step + 1, why))));
  news_ = fmt::format("step {} is left out, its {} is not finite: {}", step + 1,
                      std::isfinite(loss) ? "gradient" : "loss", why);
  return true;
}

/// Divides once, by the weight of all samples of all ranks and the loss scale, clips, and takes the
/// optimizer's step.
StepOutcome TrainingStep::update(const Batch& batch, const StepTotals& totals, std::int64_t step,
                                 std::int64_t total_steps) {
  StepOutcome outcome{.totals = totals, .loss_scale = scaler_ ? scaler_->scale() : 1.0};
  outcome.learning_rate =
      learning_rate(config_.trainer.schedule, config_.trainer.optimizer.lr, step, total_steps);
  const double loss = totals.loss_sum / totals.weight;
  double divisor =
      divisor_of(outcome.loss_scale * totals.weight, static_cast<double>(config_.trainer.global_batch_size));
  if (can_update_in_parts(loss)) {
    update_in_parts(outcome.learning_rate, divisor);
    return outcome;
  }
  gather();
  world_.beacon().enter(Phase::updating);
  const auto span = trace_.span("update");
  const double clip = config_.trainer.clip_norm;
  // One pass serves clipping and the look for what is not finite.
  const double length = RecordedStep::takes_norm(config_.trainer) ? norm() / divisor : 0;
  if (weighs_nothing(totals, step))
    outcome.skipped = true;
  else if (may_leave_out())
    outcome.skipped = left_out(loss, length, batch, step);
  if (outcome.skipped) {
    replica_.optimizer->skip();
    reduction_->share_values();
    return outcome;
  }
  if (!std::isfinite(loss) || !std::isfinite(length)) reduction_->share_values();
  check_finite(loss, "the loss", batch, step);
  check_finite(length, "the norm of the gradient", batch, step);
  if (clip > 0) divisor = clipped(divisor, length, clip);
  replica_.optimizer->step(outcome.learning_rate, divisor, reduction_->unused());
  reduction_->share_values();
  return outcome;
}

}  // namespace ringtrain
