#include "launch/learn/learner.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <thread>

#include "comm/agreement.h"
#include "common/errors.h"
#include "common/exit_code.h"
#include "common/log.h"
#include "common/text.h"
#include "common/yaml_values.h"
#include "launch/learn/learn_outcome.h"
#include "serving/repository/version_changes.h"
#include "trainer/tasks/calibration.h"

namespace ringtrain {
namespace {

using nlohmann::ordered_json;

const char* const kLearnState = "learn";
constexpr std::chrono::milliseconds kLookAgain{100};

/// Rows of a batch that are drawn from the reservoir.
std::int64_t earlier_rows_of(const RunConfig& config) {
  const auto& reservoir = config.learn.reservoir;
  if (reservoir.rows == 0) return 0;
  const auto batch = config.trainer.global_batch_size;
  return std::min(batch - 1, static_cast<std::int64_t>(reservoir.share * static_cast<double>(batch)));
}

/// First and last position of the rows, by source.
ordered_json ranges_of(const std::vector<StreamRow>& rows) {
  LearnedRows ranges;
  ranges.add(rows);
  return ranges.to_json();
}

/// What a schema says of data that nobody has yet.
PreparedData data_of_schema(const Preprocessing& schema) {
  PreparedData data;
  data.preprocessing = schema;
  data.features = schema.width();
  data.categories = schema.coded();
  data.class_counts.assign(schema.labels.size(), 1);
  const SampleForm form{schema, TargetKind::number, at::kFloat, false};
  for (auto* part : {&data.train, &data.validation, &data.test})
    *part = std::make_unique<RowSamples>(RowTensors::of({}, schema), form);
  return data;
}

void warn_of_balanced_classes(const RunConfig& config) {
  for (const auto& [path, value] : config::yaml_values(config.to_yaml(), "config.yaml"))
    if (path == "task.class_weights" && value == "balanced")
      log::warn(
          "task.class_weights: balanced has no effect: nobody knows how many rows of each class a stream "
          "has. "
          "Give the weights as numbers");
}

}  // namespace

Learner::Learner(World& world, const LearnOptions& options, const RunConfig& config,
                 const Catalogue& catalogue, const StopSignal& signal,
                 const std::function<void(const std::string&)>& device_chosen)
    : world_(world), options_(options), config_(config), catalogue_(catalogue), signal_(signal) {
  Communicator& control = world.control();
  agree_on(control, "the configuration", config_.to_yaml());
  together(control, "opening the job", [&] {
    if (config_.trainer.global_batch_size < world_.world_size())
      throw ConfigError(fmt::format("trainer.global_batch_size: {} rows cannot be shared by {} ranks",
                                    config_.trainer.global_batch_size, world_.world_size()));
    if (world_.rank() == 0) open_job();
  });
  const auto schema =
      broadcast_string(control, chief_ ? chief_->job->manifest().preprocessing.to_json().dump() : "", 0);
  const auto head = broadcast_string(control, chief_ ? chief_->job->manifest().head.to_json().dump() : "", 0);
  double temperature = 1;
  together(control, "reading the version's schema", [&] {
    data_ = data_of_schema(Preprocessing::from_json(nlohmann::json::parse(schema)));
    temperature = temperature_of(Head::from_json(nlohmann::json::parse(head)));
  });
  model_ = std::make_unique<OnlineModel>(world_, config_, data_, temperature,
                                         chief_ ? &chief_->job->anchor() : nullptr,
                                         chief_ ? chief_->job->resumed() : nullptr, device_chosen);
  together(control, "opening the stream", [&] {
    if (chief_) open_stream_of_job();
  });
  saved_step_ = options_.resume ? model_->step() : -1;
  save();
}

Learner::~Learner() = default;

void Learner::open_job() {
  chief_.emplace();
  chief_->job = std::make_unique<LearnJob>(options_, config_, signal_);
  warn_of_balanced_classes(config_);
}

/// All else that only rank 0 has. From here on the folder is this job's.
void Learner::open_stream_of_job() {
  Chief& chief = *chief_;
  LearnJob& job = *chief.job;
  const auto& schema = data_.preprocessing;
  const auto table = config_.data.table();
  auto source = open_stream(options_.stream, options_.follow, table.csv);
  const auto* resumed = job.resumed();
  const auto state = resumed ? ordered_json::parse(resumed->progress.at(kLearnState).dump()) : ordered_json();
  job.claim(options_, config_);
  chief.journal = resumed ? std::make_unique<StreamJournal>(job.files().journal(), job.about(),
                                                            state.at("journal_entries").get<std::int64_t>())
                          : std::make_unique<StreamJournal>(job.files().journal(), job.about());
  const auto& guards = config_.learn.guards;
  const RowColumns columns{.target = config_.task.kind().target(),
                           .weight = table.weight,
                           .key = guards.key,
                           .time = guards.time,
                           .may_lack_truth = table.missing.target == "drop",
                           .float64 = config_.trainer.precision == "float64"};
  chief.feed = std::make_unique<StreamFeed>(
      std::move(source), StreamFeed::Options{schema, columns, config_.learn, job.files().quarantine()},
      state.is_null() ? state : state.at("feed"));
  chief.reservoir = std::make_unique<Reservoir>(config_.learn.reservoir.rows, config_.seed);
  chief.prequential = std::make_unique<Prequential>(config_.task.kind(), job.manifest().head.thresholds,
                                                    config_.learn.window_rows);
  chief.candidates = std::make_unique<Candidates>(config_, job, catalogue_, *model_, data_, *chief.journal,
                                                  world_.world_size());
  // A row that was written after the checkpoint of its step is written again.
  if (resumed) chief.written_step = state.at("written_step").get<std::int64_t>();
  chief.log = std::make_unique<RunLog>(
      job.files().folder, std::max<std::int64_t>(0, model_->step() - (chief.written_step < model_->step())));
  pin_live(job.model());
  if (resumed) {
    chief.reservoir->restore(state.at("reservoir"));
    chief.prequential->restore(state.at("prequential"));
    chief.candidates->restore(state.at("candidates"));
    chief.learned.restore(state.at("learned"));
    chief.measured_at = state.at("measured_at").get<std::int64_t>();
    chief.read_at_step = state.at("read_at_step").get<std::int64_t>();
    chief.made_live = state.at("made_live").get<std::vector<std::string>>();
    std::vector<std::string> sources;
    for (const auto& entry : chief.journal->ahead())
      if (entry.value("kind", "") == "source") sources.push_back(entry.at("source").get<std::string>());
    chief.feed->take_in_order(sources);
  }
  log::info(
      fmt::format("learning from {} for {}, with the weights of version {}; {} parameters, {} ranks on {}{}",
                  options_.stream, job.model().string(), job.version().filename().string(),
                  with_commas(model_->replica().parameters->numel()), world_.world_size(), model_->device(),
                  resumed ? fmt::format(", going on after step {}", with_commas(model_->step())) : ""));
  if (const auto total = chief.feed->source().total_bytes(); total > 0 && !options_.follow)
    chief.progress = std::make_unique<Progress>("KiB", total >> 10);
}

/// How many rows an earlier process had read when it did what this one is to do next; nothing: it is new.
std::optional<std::int64_t> Learner::read_before() const {
  for (const auto& entry : chief_->journal->ahead())
    if (entry.value("kind", "") != "source") return entry.at("read").get<std::int64_t>();
  return std::nullopt;
}

/// Rank 0's part of it.
Learner::Batch Learner::read_batch() {
  Chief& chief = *chief_;
  chief.job->lock().require_as_seen();
  const auto next_step = model_->step() + 1;
  const auto earlier = earlier_rows_of(config_);
  const auto whole = config_.trainer.global_batch_size - earlier;
  const auto before = read_before();
  const auto next = chief.feed->fill(
      whole, before, [this] { return signal_.caught(); },
      [&](const std::string& source) {
        chief.journal->add({{"kind", "source"}, {"step", next_step}, {"source", source}});
      });
  Batch batch;
  if (next == StreamSource::Next::nothing_yet) {
    batch.told = signal_.caught() ? Told::stop : Told::nothing_yet;
    return batch;
  }
  if (next == StreamSource::Next::end && before)
    throw CheckpointError(fmt::format(
        "--stream {}: it ends after {} rows, and {} were read of it before; give the whole stream",
        options_.stream, with_commas(chief.feed->counts().read), with_commas(*before)));
  if (chief.journal->expected("candidate")) return batch;  // before more is learned
  batch.fresh = chief.feed->take(whole);
  if (batch.fresh.empty()) {
    batch.told = Told::end;
    return batch;
  }
  batch.told = Told::batch;
  batch.fresh_rows = static_cast<std::int64_t>(batch.fresh.size());
  // A last batch that is smaller keeps the share.
  batch.earlier = chief.reservoir->draw(next_step, (earlier * batch.fresh_rows + whole - 1) / whole);
  batch.earlier_rows = static_cast<std::int64_t>(batch.earlier.size());
  chief.journal->add({{"kind", "step"},
                      {"step", next_step},
                      {"read", chief.feed->counts().read},
                      {"rows", ranges_of(batch.fresh)},
                      {"earlier_rows", batch.earlier_rows}});
  return batch;
}

Learner::Batch Learner::next_batch() {
  Communicator& control = world_.control();
  Batch batch;
  world_.beacon().enter(world_.rank() == 0 ? Phase::loading : Phase::waiting, model_->step() + 1);
  together(control, "reading the stream", [&] {
    if (chief_) batch = read_batch();
  });
  std::array<std::int64_t, 3> told{static_cast<std::int64_t>(batch.told), batch.fresh_rows,
                                   batch.earlier_rows};
  control.broadcast(at::from_blob(told.data(), {3}, at::kLong), 0).wait();
  batch.told = static_cast<Told>(told[0]);
  batch.fresh_rows = told[1];
  batch.earlier_rows = told[2];
  return batch;
}

void Learner::learn_from(Batch& batch) {
  Communicator& control = world_.control();
  RowTensors fresh, all;
  together(control, "reading rows", [&] {
    if (!chief_) return;
    fresh = RowTensors::of(batch.fresh, data_.preprocessing);
    auto rows = batch.fresh;
    rows.insert(rows.end(), batch.earlier.begin(), batch.earlier.end());
    all = RowTensors::of(rows, data_.preprocessing);
  });
  all.share(batch.fresh_rows + batch.earlier_rows, data_.preprocessing, control);
  if (!chief_) fresh = all.narrow(0, batch.fresh_rows);
  const auto answers = model_->answer(RowSamples(fresh, model_->form()));
  const auto done = model_->learn(RowSamples(all, model_->form()), signal_);
  together(control, "noting the step", [&] {
    if (chief_) note(batch, answers, done);
  });
  const auto every = config_.trainer.check_replicas_every_steps;
  if (every > 0 && model_->step() % every == 0) model_->require_same_replicas();
}

void Learner::note(const Batch& batch, const Prequential::Answers& answers, const LearnedStep& done) {
  Chief& chief = *chief_;
  chief.read_at_step = chief.feed->counts().read;
  chief.prequential->add(answers);
  for (const auto& row : batch.fresh) chief.reservoir->add(row);
  chief.learned.add(batch.fresh);
  chief.loss = done.outcome.totals.weight > 0 ? done.outcome.totals.loss_sum / done.outcome.totals.weight : 0;
  chief.learning_rate = done.outcome.learning_rate;
  if (done.reset) {
    chief.journal->add({{"kind", "reset"}, {"step", model_->step()}, {"distance", done.distance}});
    log::warn(
        fmt::format("step {}: the weights are {:.3g} of their norm away from version {}'s, more than "
                    "learn.limits.distance ({}); learning begins again with those",
                    with_commas(model_->step()), done.distance, chief.job->version().filename().string(),
                    config_.learn.limits.distance));
  }
  if (model_->step() % config_.trainer.log_every_steps == 0) write_metrics();
  show_progress();
}

void Learner::write_metrics() {
  Chief& chief = *chief_;
  if (chief.written_step == model_->step() || chief.prequential->rows() == 0) return;
  chief.written_step = model_->step();
  const auto& counts = chief.feed->counts();
  std::vector<std::pair<std::string, double>> values{{"rows", static_cast<double>(counts.read)},
                                                     {"learned", static_cast<double>(counts.learned)},
                                                     {"quarantined", static_cast<double>(counts.refused())}};
  const auto window = chief.prequential->of_window();
  for (const auto& [name, value] : chief.prequential->of_all().values)
    values.emplace_back("all_" + name, value);
  for (const auto& [name, value] : window.values) values.emplace_back("window_" + name, value);
  chief.log->metrics_row(model_->step(), values);
  ordered_json line{{"event", "step"},
                    {"step", model_->step()},
                    {"rows", counts.read},
                    {"loss", std::isfinite(chief.loss) ? ordered_json(chief.loss) : ordered_json()},
                    {"learning_rate", chief.learning_rate},
                    {"window", window.to_json()}};
  chief.log->line(line);
  if (!chief.progress)
    log::info(fmt::format("step {}  {} rows  {}", with_commas(model_->step()), with_commas(counts.read),
                          short_text(window, config_.learn.metric)));
}

void Learner::show_progress() {
  Chief& chief = *chief_;
  if (!chief.progress) return;
  chief.progress->update(
      chief.feed->source().bytes() >> 10,
      fmt::format("{} rows  loss {:.4g}", with_commas(chief.feed->counts().read), chief.loss));
}

/// It follows from the rows alone, not from when they came.
bool Learner::candidate_is_due(bool at_end) const {
  const auto read = chief_->feed->counts().read;
  if (const auto known = chief_->journal->expected("candidate")) return known->at("read") == read;
  if (!chief_->journal->ahead().empty()) return false;
  if (at_end) return read > chief_->measured_at && model_->step() > 0;
  return chief_->read_at_step - chief_->measured_at >= config_.learn.candidate_rows;
}

void Learner::measure_if_due(bool at_end) {
  Communicator& control = world_.control();
  if (broadcast_string(control, chief_ && candidate_is_due(at_end) ? "due" : "", 0).empty()) return;
  save();
  world_.beacon().enter(world_.rank() == 0 ? Phase::exporting : Phase::waiting);
  together(control, "measuring a candidate", [&] {
    if (chief_) consider_candidate();
  });
}

/// The checkpoint that it is exported from is there. Rank 0's.
void Learner::consider_candidate() {
  Chief& chief = *chief_;
  chief.measured_at = chief.feed->counts().read;
  const auto outcome = chief.candidates->consider(chief.feed->held_out(), chief.measured_at,
                                                  chief.feed->day(), chief.learned.to_json());
  const auto text = candidate_text(outcome, config_.learn.metric);
  if (outcome.promoted)
    chief.made_live.push_back(fmt::format("{} (step {})", outcome.version, with_commas(model_->step())));
  chief.log->line({{"event", "candidate"},
                   {"step", model_->step()},
                   {"promoted", outcome.promoted},
                   {"version", outcome.version},
                   {"text", text}});
  log::info(fmt::format("step {}  {}", with_commas(model_->step()), text));
}

/// What follows from the checkpoint of this step is done again from it: one is enough.
void Learner::save() {
  if (saved_step_ == model_->step()) return;
  auto checkpoint = model_->checkpoint();
  world_.beacon().enter(world_.rank() == 0 ? Phase::checkpointing : Phase::waiting);
  together(world_.control(), "writing a checkpoint", [&] {
    if (!chief_) return;
    Chief& chief = *chief_;
    checkpoint.preprocessing = data_.preprocessing.to_json();
    checkpoint.config = config_.to_yaml();
    const ordered_json state{{"feed", chief.feed->state()},
                             {"reservoir", chief.reservoir->to_json()},
                             {"prequential", chief.prequential->to_json()},
                             {"candidates", chief.candidates->to_json()},
                             {"learned", chief.learned.to_json()},
                             {"measured_at", chief.measured_at},
                             {"read_at_step", chief.read_at_step},
                             {"made_live", chief.made_live},
                             {"written_step", chief.written_step},
                             {"journal_entries", chief.journal->done()}};
    checkpoint.progress[kLearnState] = nlohmann::json::parse(state.dump());
    chief.job->store().save(checkpoint, false,
                            {config_.trainer.checkpoint.keep, config_.trainer.checkpoint.keep_every});
  });
  saved_step_ = model_->step();
}

int Learner::run() {
  bool stopped = false;
  measure_if_due(false);
  while (true) {
    auto batch = next_batch();
    stopped = batch.told == Told::stop;
    if (stopped || batch.told == Told::end) break;
    if (batch.told == Told::nothing_yet) std::this_thread::sleep_for(kLookAgain);
    if (batch.told == Told::batch) {
      learn_from(batch);
      if (model_->step() % config_.learn.checkpoint_steps == 0) save();
    }
    measure_if_due(false);
  }
  if (!stopped) measure_if_due(true);
  save();
  together(world_.control(), "ending", [&] {
    if (chief_) finish(stopped);
  });
  return stopped ? ExitCode::stopped : ExitCode::success;
}

void Learner::finish(bool stopped) {
  Chief& chief = *chief_;
  write_metrics();
  if (chief.progress) chief.progress->finish();
  const auto& counts = chief.feed->counts();
  if (stopped) {
    log::info(fmt::format("stopped by a signal after step {}; the checkpoint is written, --resume goes on",
                          with_commas(model_->step())));
    return;
  }
  if (counts.read == 0) throw DataError(fmt::format("--stream {}: there are no rows", options_.stream));
  if (counts.learned + counts.held_out + counts.without_truth == 0)
    throw DataError(fmt::format("--stream {}: none of {} rows could be learned from; the first: {}",
                                options_.stream, with_commas(counts.read), chief.feed->first_refused()));
  print_learned(
      {config_, *chief.job, counts, *chief.prequential, *chief.candidates, chief.made_live, options_.stream});
}

}  // namespace ringtrain
