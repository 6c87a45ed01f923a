#include "trainer/trainer.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "comm/agreement.h"
#include "comm/backends.h"
#include "comm/nccl/nccl_library.h"
#include "common/exit_code.h"
#include "common/files.h"
#include "common/log.h"
#include "common/text.h"
#include "models/norm.h"
#include "storage/location.h"
#include "trainer/callbacks/early_stopping.h"
#include "trainer/checkpoint/found_checkpoint.h"
#include "trainer/checkpoint/job_lock.h"
#include "trainer/checks/check.h"
#include "trainer/setup/comm_options.h"
#include "trainer/setup/device.h"
#include "trainer/setup/experiment.h"
#include "trainer/setup/first_answer.h"
#include "trainer/tasks/calibration.h"
#include "trainer/weights/torch_optimizer.h"
#include "trainer/weights/weight_start.h"

namespace ringtrain {
namespace {

/// What it is given outlives them.
Callbacks make_callbacks(const RunConfig& config, const StepPlan& plan, const Standing& standing) {
  std::vector<std::unique_ptr<Callback>> callbacks;
  callbacks.push_back(std::make_unique<EarlyStopping>(plan, standing, config.trainer.checkpoint.metric));
  const auto add = [&](const CallbackKind& kind) {
    if (auto callback = kind.make()) callbacks.push_back(std::move(callback));
  };
  add(config.trainer.average.kind());
  for (const auto& entry : config.trainer.callbacks.entries) add(entry.kind());
  return Callbacks(std::move(callbacks));
}

std::filesystem::path checkpoint_folder(const RunConfig& config) {
  return Location(config.job_dir).local() / "checkpoints";
}

/// A line for each parameter: its name, shape and type.
std::string signature(const Replica& replica) {
  std::string text;
  for (const auto& item : replica.model->named_parameters())
    text += fmt::format("{} [{}] {}\n", item.key(), fmt::join(item.value().sizes(), ", "),
                        c10::toString(item.value().scalar_type()));
  return text;
}

/// Of the checks that take a fraction of a second; a run is refused by none of them.
void warn_of_findings(const RunConfig& config, const PreparedData& data, const Task& task, Replica& replica,
                      const std::string& device) {
  for (const auto& finding : checks::findings_before_training({config, data, task, replica, device}))
    log::warn(fmt::format("{}: {}. {} (`ringtrain check` looks at more)", finding.what, finding.value,
                          finding.remedy));
}

}  // namespace

/// Each part needs those before it. Within a part ranks do the same; what one of them cannot do ends all.
Trainer::Trainer(World& world, const RunConfig& config, const StartOptions& options, const StopSignal& signal)
    : world_(world), config_(config), signal_(signal), store_(checkpoint_folder(config)) {
  connect(options);
  const Beginning from = find_beginning();
  step_ = from.step;
  data_ = config_.data.kind().prepare(data_request(from.preprocessing), world.control());
  const WholeState loaded = make_replica_of_data();
  together(world.control(), "making the callbacks",
           [&] { callbacks_ = make_callbacks(config_, plan_, standing_); });
  stop_before_first_step(from.resumes && !options.from_step);
  together(world.control(), "claiming the job folder", [&] { claim_job_folder(options); });
  const nlohmann::json progress = take_progress(from);
  if (from.has_state)
    share_replica(replica_, loaded, *gradients_);
  else
    broadcast_weights(replica_, *gradients_);
  trace_ = std::make_unique<Trace>(world.control(), options.trace_steps);
  recorder_ = device_ == "cpu" ? options.recorder : nccl::graph_recorder(device_);
  make_step(progress.value(kTrainingState, nlohmann::json::object()));
  together(world.control(), "starting the callbacks", [&] {
    callbacks_.begin(moment(), progress.value(kCallbacks, nlohmann::json::object()),
                     resumed_ ? resumed_->optimizer : NamedTensors());
  });
  callbacks_.share(moment());
  resumed_.reset();
  origin_.reset();
  given_.reset();
  open_job_folder();
  tell_beginning();
  advise_on_plan();
}

/// One configuration, a device, a communicator for gradients; rank 0 has read what the run goes on from.
void Trainer::connect(const StartOptions& options) {
  Communicator& control = world_.control();
  at::set_num_threads(static_cast<int>(config_.trainer.threads_per_rank));
  agree_on(control, "the configuration", config_.to_yaml());
  together(control, "starting", [&] { start(options); });
  open_log();
  together(control, "choosing a device", [&] { device_ = choose_device(world_, config_); });
  set_gpu_arithmetic(config_.trainer);
  log::set_identity(world_.rank(), world_.world_size(), world_.host(), device_);
  if (options.device_chosen) options.device_chosen(device_);
  log::info(fmt::format("process {} on {}, {} of {} ranks of this host; {} threads", ::getpid(), device_,
                        world_.local_rank() + 1, world_.local_size(), config_.trainer.threads_per_rank));
  together(control, "starting the communicator", [&] {
    gradients_ = make_communicator(world_, config_.comm.backend, device_, ring_options(config_.comm));
  });
}

/// What rank 0 goes on from, the others are told: the job folder need not be shared.
Trainer::Beginning Trainer::find_beginning() {
  Communicator& control = world_.control();
  Beginning from;
  from.resumes = !broadcast_string(control, resumed_ ? "resumes" : "", 0).empty();
  const bool goes_on = given_ && config_.model.weights.optimizer;
  from.has_state = !broadcast_string(control, resumed_ || goes_on ? "has a state" : "", 0).empty();
  const auto& given = resumed_ ? resumed_ : origin_;
  const auto text = broadcast_string(control, given ? given->preprocessing.dump() : "", 0);
  const std::int64_t step = resumed_ ? resumed_->step : goes_on ? steps_done(*given_) : 0;
  from.step = std::stoll(broadcast_string(control, std::to_string(step), 0));
  together(control, "reading the checkpoint's schema", [&] {
    if (!text.empty()) from.preprocessing = Preprocessing::from_json(nlohmann::json::parse(text));
  });
  return from;
}

/// Of the data: the task, and the replica. On rank 0 it holds the weights of what the run goes on from, whose
/// optimizer state is returned, for share_replica.
WholeState Trainer::make_replica_of_data() {
  WholeState loaded;
  together(world_.control(), "making the model", [&] {
    plan_steps();
    task_ = config_.task.kind().make(data_.for_task());
    if (config_.task.calibrate == "temperature") require_calibration(task_->head(), data_.validation->size());
    replica_ = make_replica(config_, model_shape(), device_, gradients_.get(), step_);
    if (world_.rank() == 0)
      require_signature(data_, data_request({}).type,
                        config_.export_.enabled && config_.data.kind().can_be_exported());
    if (world_.rank() == 0) require_fitting_answer(replica_, *task_, *data_.train, at::Device(device_));
    if (world_.rank() == 0)
      memory_ = predict_step_memory(config_, *task_, replica_, *data_.train, at::Device(device_),
                                    world_.world_size());
    if (world_.rank() == 0 && !resumed_ && !origin_ && !given_)
      warn_of_findings(config_, data_, *task_, replica_, device_);
    if (resumed_)
      loaded = load_replica(*resumed_, replica_);
    else if (origin_)
      load_weights(origin_->weights, *replica_.model);
    else if (given_) {
      auto start = begin_with_weights(*given_, config_, replica_, step_);
      loaded = std::move(start.optimizer);
      given_told_ = std::move(start.told);
    }
  });
  agree_on(world_.control(), "the model", signature(replica_));
  return loaded;
}

/// The step, what the run knows of itself, and the number of steps, where an earlier run has decided on it.
nlohmann::json Trainer::take_progress(const Beginning& from) {
  Communicator& control = world_.control();
  auto progress = standing_.to_json();
  if (resumed_) progress[kTrainingState] = resumed_->progress.value(kTrainingState, nlohmann::json::object());
  if (resumed_) progress[kCallbacks] = resumed_->progress.value(kCallbacks, nlohmann::json::object());
  if (resumed_) progress[kAutoSteps] = resumed_->progress.value(kAutoSteps, std::int64_t{0});
  progress = nlohmann::json::parse(broadcast_string(control, progress.dump(), 0));
  standing_ = Standing::from_json(progress);
  if (const auto decided = progress.value(kAutoSteps, std::int64_t{0});
      decided > 0 && config_.trainer.auto_steps == 0) {
    config_.trainer.auto_steps = decided;
    plan_steps();
    together(control, "writing the configuration", [&] { write_config(); });
  }
  first_step_ = from.resumes ? step_ : -1;  // resumed_ is rank 0's alone
  return progress;
}

void Trainer::open_job_folder() {
  together(world_.control(), "opening the job folder", [&] {
    telemetry_ = std::make_unique<Telemetry>(
        Telemetry::Options{config_.job_dir, world_.rank(), step_, plan_.total, batches_per_epoch_,
                           config_.trainer.log_every_steps,
                           config_.task.kind().positive_class() ? data_.preprocessing.labels.back() : "",
                           config_.trainer.tensorboard ? config_.to_yaml() : ""});
  });
  checkpointing_ = std::make_unique<Checkpointing>(
      world_, *gradients_, store_,
      Retention{config_.trainer.checkpoint.keep, config_.trainer.checkpoint.keep_every}, replica_,
      *telemetry_);
}

/// For who reads the log of the run: what it runs on, and what it learns from.
nlohmann::ordered_json Trainer::about_start() const {
  nlohmann::ordered_json about{{"ranks", world_.world_size()},
                               {"host", world_.host()},
                               {"device", device_},
                               {"backend", gradients_->backend()},
                               {"parameters", replica_.parameters->numel()},
                               {"total_steps", plan_.total},
                               {"batches_per_epoch", batches_per_epoch_},
                               {"rows",
                                {{"train", data_.train->size()},
                                 {"validation", data_.validation->size()},
                                 {"test", data_.test->size()}}}};
  return about;
}

void Trainer::tell_beginning() {
  const std::string& precision = config_.trainer.precision;
  telemetry_->start(step_, about_start());
  telemetry_->event(
      step_, fmt::format("{} {}: {} parameters{}, {} ranks, {} on {}, {} per step averaged; {} steps{}",
                         config_.model.type, config_.name, with_commas(replica_.parameters->numel()),
                         precision == "float32" ? "" : " in " + precision, world_.world_size(),
                         gradients_->backend(), device_,
                         human_bytes(static_cast<double>(training_->bytes_per_step())),
                         (plan_.decided ? "" : "at most ") + with_commas(plan_.total),
                         step_ > 0 ? fmt::format(", going on after step {}", with_commas(step_)) : ""));
  for (const auto& line : given_told_) telemetry_->event(step_, line);
  for (const auto& line : replica_.groups) telemetry_->event(step_, line);
  constexpr std::int64_t kWorthAWord = 16 << 20;
  if (memory_ && memory_->total() >= kWorthAWord) telemetry_->event(step_, memory_->text());
  if (const auto* buckets = training_->buckets())
    telemetry_->event(step_,
                      fmt::format("gradients are averaged while backward goes on, in {} parts of about {}",
                                  buckets->size(), human_bytes(static_cast<double>(buckets->bytes()))));
  if (replica_.shards)
    telemetry_->event(step_, fmt::format("optimizer state: {} on each rank, 1/{} of the whole",
                                         human_bytes(static_cast<double>(replica_.optimizer->state_bytes())),
                                         world_.world_size()));
  const auto norms = batch_norms(*replica_.model).size();
  if (training_->synchronised_batch_norms() > 0)
    telemetry_->event(
        step_, fmt::format("{} batch norms take their statistics from the joined batch of {} ranks", norms,
                           world_.world_size()));
  else if (norms > 0 && world_.world_size() > 1)
    telemetry_->event(step_, fmt::format("{} batch norms: each rank normalises its own share; "
                                         "trainer.sync_batch_norm: true takes the joined batch of all ranks",
                                         norms));
  if (step_ >= plan_.total)
    telemetry_->event(step_, fmt::format("nothing is left to train: the checkpoint has done {} of {} steps; "
                                         "raise trainer.epochs or trainer.max_steps to go on",
                                         with_commas(step_), with_commas(plan_.total)));
}

/// Throws on all ranks when one of them was told to stop.
void Trainer::stop_before_first_step(bool goes_on_from_newest) {
  const auto told = at::full({1}, signal_.caught() ? 1 : 0, at::kInt);
  world_.control().all_reduce(told, ReduceOp::max).wait();
  if (told.item<int>() == 0) return;
  Error stopped(fmt::format("stopped by a signal before the first step, with nothing changed; {}",
                            goes_on_from_newest ? "--resume goes on" : "start it again"),
                ExitCode::stopped);
  stopped.mark_agreed();
  throw stopped;
}

/// Rank 0 alone touches the job folder.
void Trainer::start(const StartOptions& options) {
  if (config_.trainer.global_batch_size < world_.world_size())
    throw ConfigError(fmt::format(
        "trainer.global_batch_size: {} samples cannot be shared by {} ranks; raise it, or start fewer ranks",
        config_.trainer.global_batch_size, world_.world_size()));
  if (world_.rank() != 0) return;
  ensure_writable_folder(checkpoint_folder(config_));
  JobLock::Options lock_options;
  lock_options.told_to_stop = [this] { return signal_.caught(); };
  lock_ = std::make_unique<JobLock>(config_.job_dir, lock_options);
  store_.write_under(*lock_);
  if (options.from_step)
    resumed_ = store_.load(*options.from_step);
  else if (options.resume)
    resumed_ = store_.load_newest();
  else if (!store_.steps().empty() && !options.overwrite)
    throw ConfigError(
        fmt::format("{} holds a run already ({} checkpoints). Go on from it with --resume, replace it with "
                    "--overwrite, or "
                    "name another folder with --job-dir",
                    config_.job_dir, store_.steps().size()));
  if (resumed_) {
    standing_ = Standing::from_json(resumed_->progress);
    require_same_experiment_as_resumed(options);
  }
  if (resumed_) return;
  if (!config_.trainer.start_from.empty())
    load_origin();
  else if (!config_.model.weights.from.empty())
    read_given_weights();
}

/// Rank 0 alone.
void Trainer::require_same_experiment_as_resumed(const StartOptions& options) {
  // A hash costs a pass over the data: only where there is one to compare it with.
  const auto hash =
      resumed_->progress.contains(kDataHash) ? config_.data.kind().hash(config_.data.train_file) : "";
  const auto allowed =
      require_same_experiment(changed_settings(*resumed_, config_, hash), options.allow_changes,
                              store_.folder_of(resumed_->step).string());
  for (const auto& change : allowed)
    log::warn(fmt::format("{}: {} in the checkpoint, {} now (--allow-changes)", change.path, change.before,
                          change.now));
  if (changes_what_is_best(allowed)) {
    standing_.best.reset();
    standing_.evaluations_since_best = 0;
  }
  for (const auto& text : settings_without_effect(*resumed_, config_)) log::warn(text);
}

void Trainer::load_origin() {
  const auto found = find_checkpoint(config_.trainer.start_from);
  if (!found)
    throw ConfigError(fmt::format(
        "trainer.start_from: {} is no checkpoint's folder; expected JOB/checkpoints/step-N, JOB, or an "
        "exported version; model.weights.from takes weights of elsewhere",
        config_.trainer.start_from));
  origin_ = found->load();
  if (!config_.model.weights.from.empty())
    log::warn(fmt::format("model.weights.from: {} has no effect: trainer.start_from gives the weights",
                          config_.model.weights.from));
}

/// Read once, before the data: what cannot be used is told at once.
void Trainer::read_given_weights() {
  given_ = read_stored_weights(config_.model.weights.from);
  if (config_.model.weights.optimizer) steps_done(*given_);
}

/// Each rank's own file, on its own host: the job folder need not be shared. Rank 0 has shown that it can
/// write.
void Trainer::open_log() {
  const auto file =
      std::filesystem::path(config_.job_dir) / "logs" / fmt::format("rank-{:02}.log", world_.rank());
  try {
    ensure_writable_folder(file.parent_path());
    log::also_to_file(file);
  } catch (const Error& error) {
    log::warn(fmt::format("there will be no log file of this rank: {}", error.what()));
  }
}

/// Once all else is known to be good: what an earlier run left, and this one replaces, goes. Rank 0 alone.
void Trainer::claim_job_folder(const StartOptions& options) {
  if (world_.rank() != 0) return;
  lock_->require();
  store_.remove_leftovers();
  if (!resumed_ && options.overwrite) store_.clear();
  if (resumed_) {
    // Checkpoints after this one belong to a future that is made anew; so may the best one.
    for (const auto step : store_.steps())
      if (step > resumed_->step) std::filesystem::remove_all(store_.folder_of(step));
    if (standing_.best && !store_.mark_best(standing_.best_step)) standing_.best.reset();
    if (!standing_.best) std::filesystem::remove(checkpoint_folder(config_) / "best");
  }
  write_config();
}

}  // namespace ringtrain
