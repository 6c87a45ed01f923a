#include "trainer/trainer.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>

#include "comm/agreement.h"
#include "common/files.h"
#include "common/text.h"
#include "trainer/advice/advice.h"
#include "trainer/advice/plan_advice.h"
#include "trainer/checkpoint/job_lock.h"
#include "trainer/checkpoint/replica_snapshot.h"
#include "trainer/data_kinds/data_request.h"
#include "trainer/evaluation.h"
#include "trainer/precision/autocast.h"
#include "trainer/predictions_file.h"
#include "trainer/setup/experiment.h"
#include "trainer/step/replica_check.h"
#include "trainer/tasks/calibration.h"
#include "trainer/telemetry/histograms.h"

namespace ringtrain {

Outcome Trainer::fit() {
  auto order = data_.order;
  order.seed = static_cast<std::uint64_t>(config_.seed);
  // What is read from a disk is read ahead.
  const auto prefetch = std::max<std::int64_t>(config_.data.prefetch_batches, order.blocks.empty() ? 0 : 4);
  if (order.blocks.empty()) order.blocks = {data_.train->size()};
  const Sampler sampler({.global_batch_size = config_.trainer.global_batch_size,
                         .rank = world_.rank(),
                         .world_size = world_.world_size()},
                        EpochOrder(std::move(order)));
  Loader loader(*data_.train, sampler, step_, prefetch, at::Device(device_));
  if (config_.trainer.checkpoint.at_start && step_ == 0) save_checkpoint(false);

  bool stop = false;
  if (step_ < plan_.total && !callbacks_.ends_training().empty())
    telemetry_->event(step_,
                      "early stopping had ended the run; raise trainer.early_stopping.patience to go on");
  while (step_ < plan_.total && !stop && callbacks_.ends_training().empty()) {
    if (replica_.until && step_ >= *replica_.until) lay_out_anew();
    const StepTotals totals = train_step(loader);
    stop = totals.stop > 0;
    decide_steps();
    const bool last = step_ >= plan_.total;
    const bool evaluated = step_ % plan_.evaluate_every == 0 || last;
    const bool is_best = evaluated && evaluate_validation();
    if (step_ % batches_per_epoch_ == 0) standing_.epoch_loss_sum = standing_.epoch_weight = 0;
    const std::int64_t interval = config_.trainer.checkpoint.every_steps;
    if (is_best || stop || last || (interval > 0 ? step_ % interval == 0 : evaluated))
      save_checkpoint(is_best);
    if (const auto why = callbacks_.ends_training(); !why.empty()) telemetry_->event(step_, why);
  }
  require_callbacks("calling the callbacks after the last step");
  if (checkpointing_->newest() != step_ && first_step_ != step_) save_checkpoint(false);
  return finish(stop);
}

void Trainer::make_step(const nlohmann::json& state) {
  training_ = std::make_unique<TrainingStep>(world_, config_, *task_, replica_, *gradients_, device_, *trace_,
                                             state, recorder_);
}

/// Other groups of parameters are frozen from here on: the run goes on as from a checkpoint.
void Trainer::lay_out_anew() {
  checkpointing_->settle();
  const auto state = training_->state();
  const WholeState whole = whole_state(replica_);
  WholeState loaded;
  training_.reset();
  callbacks_.show(moment());
  const auto of_callbacks = callbacks_.state();
  const auto tensors = world_.rank() == 0 ? callbacks_.tensors() : NamedTensors();
  together(world_.control(), "laying out the parameters anew", [&] {
    ReplicaSnapshot snapshot;
    Checkpoint now;
    now.step = step_;
    if (world_.rank() == 0) {
      snapshot.take(replica_, whole);
      snapshot.name_tensors(now);
    }
    auto next = make_replica(config_, model_shape(), device_, gradients_.get(), step_);
    if (world_.rank() == 0) loaded = load_replica(now, next);
    replica_ = std::move(next);
  });
  share_replica(replica_, loaded, *gradients_);
  make_step(state);
  together(world_.control(), "starting the callbacks anew",
           [&] { callbacks_.begin(moment(), of_callbacks, tensors); });
  callbacks_.share(moment());
  for (const auto& line : replica_.groups) telemetry_->event(step_, line);
}

void Trainer::advise(const std::optional<std::string>& sentence) {
  if (!sentence) return;
  telemetry_->advice(step_, *sentence);
  advice_.push_back(*sentence);
}

/// What can be said before the first step.
void Trainer::advise_on_plan() {
  for (const auto& sentence : advice::before_first_step(config_, data_, *task_, plan_)) advise(sentence);
}

void Trainer::advise_on_part(const std::string& name, const MetricsReport& report) {
  const auto& labels = data_.preprocessing.labels;
  advise(advice::undefined_metrics(name, report, labels));
  advise(advice::absent_classes(name, report, labels));
  if (name != "test") return;
  advise(advice::no_better_than_majority(name, report, labels));
  advise(advice::worse_than_mean(name, report));
}

Trainer::~Trainer() = default;

/// Rank 0 alone.
void Trainer::write_config() const {
  if (world_.rank() != 0) return;
  write_file_atomically(std::filesystem::path(config_.job_dir) / "config.yaml", config_.to_yaml());
}

DataRequest Trainer::data_request(const std::optional<Preprocessing>& fitted) const {
  return data_request_of(config_, fitted, world_.local_size());
}

ModelShape Trainer::model_shape() const { return {data_.features, task_->outputs(), data_.categories}; }

Network Trainer::make_model() const { return config_.model.kind().make(model_shape()); }

void Trainer::plan_steps() {
  const std::int64_t batch = config_.trainer.global_batch_size;
  batches_per_epoch_ = (data_.train->size() + batch - 1) / batch;
  plan_ = StepPlan::of(config_.trainer, batches_per_epoch_);
}

/// steps: auto, once its first steps are measured: by rank 0, for all. Collective.
void Trainer::decide_steps() {
  if (plan_.decided || !clock_.after_step()) return;
  Communicator& control = world_.control();
  const auto decided = decide_steps_of(config_.trainer, batches_per_epoch_, clock_.seconds_per_step());
  config_.trainer.auto_steps = std::stoll(broadcast_string(control, std::to_string(decided), 0));
  const auto wished = plan_.total;
  plan_steps();
  together(control, "writing the configuration", [&] { write_config(); });
  telemetry_->set_total_steps(step_, plan_.total);
  telemetry_->event(step_, plan_.told(wished, batches_per_epoch_, clock_.seconds_per_step()));
}

/// Ends all ranks with what a callback threw where no step follows that would. Collective.
void Trainer::require_callbacks(const char* phase) {
  raise_together(world_.control(), phase, callbacks_.take_failure());
}

StepTotals Trainer::train_step(Loader& loader) {
  // Then all ranks stop, and learn why as they are to write a checkpoint.
  if (lock_ && lock_->lost()) signal_.pretend();
  StepOutcome done = training_->run(loader, signal_, step_, plan_.total, callbacks_.take_failure());
  done.totals.loss_sum *= task_->loss_unit();
  if (const auto news = training_->take_news(); !news.empty()) telemetry_->event(step_, news);
  ++step_;
  callbacks_.after_step(moment());
  checkpointing_->tell();
  if (const auto every = config_.trainer.check_replicas_every_steps; every > 0 && step_ % every == 0)
    check_replicas(replica_, world_.control(), step_);
  if (trace_->records()) {
    const auto file = std::filesystem::path(config_.job_dir) / "trace.json";
    if (trace_->end_step(world_.control(), file))
      telemetry_->event(step_, fmt::format("trace: {}; open it with ui.perfetto.dev", file.string()));
  }
  if (std::isfinite(done.totals.loss_sum)) {
    standing_.epoch_loss_sum += done.totals.loss_sum;
    standing_.epoch_weight += done.totals.weight;
  }
  if (done.skipped && done.totals.weight > 0 && config_.trainer.precision == "float16")
    telemetry_->event(
        step_, fmt::format("step {} is left out: the gradient overflows float16 at the loss scale {}; now {}",
                           with_commas(step_), done.loss_scale, done.loss_scale * LossScaler::kBackoff));
  telemetry_->step(step_, done.totals, done.learning_rate, done.loss_scale, training_->traffic(),
                   done.loading);
  if (const auto every = config_.trainer.histograms_every_steps; every > 0 && step_ % every == 0)
    // A sharded optimizer's rank has its own part of the gradient alone.
    tell_histograms(*telemetry_, step_, *replica_.model, !replica_.shards && !done.skipped);
  return done.totals;
}

/// By all ranks, with the same buffers on each.
Evaluation Trainer::evaluate_part(const Dataset& part) {
  broadcast_buffers(replica_, *gradients_);
  return evaluate(replica_.model, *task_, part, world_.control(), device_,
                  autocast_type(config_.trainer.precision), &world_.beacon());
}

/// Returns whether this is the best so far.
bool Trainer::evaluate_validation() {
  const auto begin = std::chrono::steady_clock::now();
  const Evaluation evaluation = [this] {
    const Callbacks::Shown shown(callbacks_, moment());
    return evaluate_part(*data_.validation);
  }();
  const double train_loss = standing_.epoch_loss_sum / standing_.epoch_weight;
  const auto& kind = config_.task.kind();
  const MetricsReport report = judge(kind, evaluation, kind.choose_thresholds(evaluation));
  // Without a validation part every evaluation is the best one.
  const double value = data_.validation->size() == 0 ? static_cast<double>(step_)
                                                     : report.get(config_.trainer.checkpoint.metric);
  const bool larger =
      larger_is_better(kind, config_.trainer.checkpoint.metric) || data_.validation->size() == 0;
  const bool is_best = standing_.take(step_, value, larger, config_.trainer.early_stopping.min_delta);
  telemetry_->evaluation(step_, "validation", train_loss, report, is_best,
                         std::chrono::steady_clock::now() - begin);
  callbacks_.after_evaluation(moment(), "validation", report);
  if (data_.validation->size() > 0) validation_losses_.push_back(evaluation.loss);
  return is_best;
}

void Trainer::save_checkpoint(bool is_best) {
  Checkpoint about;
  about.step = step_;
  about.progress = standing_.to_json();
  about.progress[kTrainingState] = training_->state();
  about.progress[kDataHash] = data_.file_hash;
  if (config_.trainer.auto_steps > 0) about.progress[kAutoSteps] = config_.trainer.auto_steps;
  about.preprocessing = data_.preprocessing.to_json();
  about.config = config_.to_yaml();
  const Callbacks::Shown shown(callbacks_, moment());
  if (auto state = callbacks_.state(); !state.empty()) about.progress[kCallbacks] = std::move(state);
  if (world_.rank() == 0) about.optimizer = callbacks_.tensors();
  checkpointing_->save(about, is_best);
}

Outcome Trainer::finish(bool stopped) {
  Outcome outcome;
  outcome.stopped = stopped;
  outcome.steps = outcome.exported_step = step_;
  checkpointing_->finish();
  telemetry_->finish();
  if (stopped) {
    telemetry_->event(
        step_, fmt::format("stopped by a signal after step {}; the checkpoint is written, --resume goes on",
                           with_commas(step_)));
    return outcome;
  }
  Communicator& control = world_.control();
  callbacks_.end(moment());
  require_callbacks("calling the callbacks at the end of training");
  callbacks_.show(moment());
  together(control, "loading the best checkpoint", [&] {
    if (world_.rank() != 0 || config_.export_.from == "last" || !store_.best()) return;
    outcome.exported_step = *store_.best();
    load_weights(store_.load(outcome.exported_step).weights, *replica_.model);
    lock_->require();  // else that may be another run's
  });
  outcome.exported_step = std::stoll(broadcast_string(control, std::to_string(outcome.exported_step), 0));
  broadcast_weights(replica_, *gradients_);
  Evaluation validation = evaluate_part(*data_.validation);
  if (config_.task.calibrate == "temperature") {
    const double temperature = fit_temperature(task_->head(), validation), before = validation.loss;
    task_ = std::make_unique<CalibratedTask>(std::move(task_), temperature);
    validation = evaluate_part(*data_.validation);
    telemetry_->event(step_, told_calibration(temperature, before, validation.loss));
  }
  const auto& kind = config_.task.kind();
  outcome.head = task_->head();
  outcome.head.thresholds = kind.choose_thresholds(validation);
  const auto begin = std::chrono::steady_clock::now();
  const Evaluation test = evaluate_part(*data_.test);
  outcome.test = judge(kind, test, outcome.head.thresholds);
  telemetry_->evaluation(outcome.exported_step, "test", 0, outcome.test, true,
                         std::chrono::steady_clock::now() - begin, &outcome.head);
  callbacks_.after_evaluation(moment(), "test", outcome.test);
  require_callbacks("calling the callbacks after the test part");
  const std::filesystem::path folder = config_.job_dir;
  if (config_.trainer.save_predictions) write_predictions(folder / "predictions.csv", test);
  together(control, "writing confusion_matrix.csv", [&] {
    if (world_.rank() != 0) return;
    if (outcome.test.confusion.size() > kMostShown)
      write_file_atomically(folder / "confusion_matrix.csv",
                            confusion_csv(outcome.test.confusion, data_.preprocessing.labels));
  });
  if (step_ == plan_.total) advise(advice::still_falling(validation_losses_));
  if (data_.validation->size() > 0)
    advise_on_part("validation", judge(kind, validation, outcome.head.thresholds));
  if (data_.test->size() > 0) advise_on_part("test", outcome.test);
  if (data_.validation->size() > 0 && !standing_.best)
    advise(
        fmt::format("no checkpoint is the best one: validation {} was undefined in every evaluation; choose "
                    "another trainer.checkpoint.metric",
                    config_.trainer.checkpoint.metric));
  outcome.advice = advice_;
  return outcome;
}

}  // namespace ringtrain
