#include "launch/learn/candidates.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "comm/local/local_communicator.h"
#include "common/errors.h"
#include "common/log.h"
#include "common/text.h"
#include "launch/gate.h"
#include "serving/repository/model_repository.h"
#include "serving/repository/version_changes.h"
#include "trainer/evaluation.h"
#include "trainer/precision/autocast.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

using nlohmann::ordered_json;

/// Of the interval of how much better a candidate is.
constexpr std::int64_t kResamples = 400;

/// The held-out rows as an exported model takes them.
class HeldOutRows : public LabelledRows {
 public:
  HeldOutRows(const std::vector<StreamRow>& rows, const Preprocessing& schema)
      : rows_(rows), schema_(schema) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(rows_.size()); }
  Piece read(std::int64_t begin, std::int64_t most) const override {
    const auto count = std::min(most, size() - begin);
    const std::vector<StreamRow> some(rows_.begin() + begin, rows_.begin() + begin + count);
    Piece piece;
    piece.rows = served_rows(some, schema_);
    piece.targets = RowTensors::of(some, schema_).targets;
    piece.places.resize(static_cast<std::size_t>(count));
    std::iota(piece.places.begin(), piece.places.end(), begin);
    return piece;
  }

 private:
  const std::vector<StreamRow>& rows_;
  const Preprocessing& schema_;
};

/// Up to 256 rows, evenly spread, for the export's check.
RowSample sample_of_rows(const std::vector<StreamRow>& rows, const Preprocessing& schema) {
  const std::size_t count = std::min<std::size_t>(rows.size(), 256);
  RowSample sample;
  std::vector<StreamRow> chosen;
  for (std::size_t i = 0; i < count; ++i) {
    sample.places.push_back(static_cast<std::int64_t>(i * rows.size() / count));
    chosen.push_back(rows[static_cast<std::size_t>(sample.places.back())]);
  }
  const auto served = served_rows(chosen, schema);
  sample.numeric = served.numeric;
  sample.categorical = served.categorical;
  return sample;
}

/// NaN is not JSON.
ordered_json number(double value) { return std::isfinite(value) ? ordered_json(value) : ordered_json(); }

double number_of(const ordered_json& json) { return json.is_null() ? std::nan("") : json.get<double>(); }

}  // namespace

Candidates::Candidates(const RunConfig& config, const LearnJob& job, const Catalogue& catalogue,
                       OnlineModel& model, PreparedData& data, StreamJournal& journal, int ranks)
    : config_(config),
      job_(job),
      catalogue_(catalogue),
      model_(model),
      data_(data),
      journal_(journal),
      ranks_(ranks),
      guard_({config.learn.guards.least_rows, config.learn.guards.promotions_a_day}) {
  config_.export_.repository = job.model().parent_path().string();
  config_.export_.name = job.model().filename().string();
  formats_ = choose_formats(config_, trained());
}

TrainedModel Candidates::trained() const {
  return {.data = data_,
          .replica = model_.replica(),
          .checkpoints = job_.store(),
          .head = job_.manifest().head,
          .make_model = [this] { return model_.make_model(); },
          .step = model_.step()};
}

std::int64_t Candidates::live() const {
  const auto live = VersionState::read(job_.model()).live_of(versions(job_.model()));
  if (!live)
    throw ExportError(
        fmt::format("{}: no version is live; `ringtrain versions promote` makes one", job_.model().string()));
  return *live;
}

/// What the decision follows from besides the rows: the world as it is now, or as an earlier process saw it.
StreamJournal::Entry Candidates::announce(std::int64_t rows, std::int64_t read, std::int64_t day) {
  StreamJournal::Entry entry{
      {"kind", "candidate"}, {"step", model_.step()},      {"read", read},   {"rows", rows},
      {"day", day},          {"against", std::int64_t{0}}, {"frozen", false}};
  if (const auto known = journal_.expected("candidate")) {
    entry["against"] = known->at("against");
    entry["frozen"] = known->at("frozen");
  } else {
    entry["against"] = live();
    entry["frozen"] = fs::exists(job_.files().freeze());
  }
  journal_.add(entry);
  return entry;
}

CandidateOutcome Candidates::consider(const std::deque<StreamRow>& held_out, std::int64_t read,
                                      std::int64_t day, const ordered_json& learned) {
  const std::vector<StreamRow> rows(held_out.begin(), held_out.end());
  const auto candidate = announce(static_cast<std::int64_t>(rows.size()), read, day);
  if (candidate.at("frozen").get<bool>() && !std::exchange(told_frozen_, true))
    log::warn(
        fmt::format("{} is there: nothing is made live until it is removed", job_.files().freeze().string()));
  if (!candidate.at("frozen").get<bool>()) told_frozen_ = false;
  CandidateOutcome outcome;
  if (const auto known = journal_.expected("decision")) {
    outcome = {known->at("promoted").get<bool>(), known->at("version").get<std::int64_t>(),
               number_of(known->at("before")), number_of(known->at("after")),
               known->at("why").get<std::string>()};
    journal_.add(*known);
  } else {
    outcome = decide(rows, candidate, learned);
    journal_.add({{"kind", "decision"},
                  {"step", model_.step()},
                  {"metric", config_.learn.metric},
                  {"against", candidate.at("against")},
                  {"before", number(outcome.before)},
                  {"after", number(outcome.after)},
                  {"promoted", outcome.promoted},
                  {"version", outcome.version},
                  {"why", outcome.why}});
  }
  ++measured_;
  if (outcome.promoted) ++promoted_;
  if (outcome.promoted) guard_.promoted(day);
  return outcome;
}

ModelAnswers Candidates::answers_of_model(const RowSamples& samples) const {
  LocalCommunicator alone;
  ModelAnswers answers{.task = config_.task};
  answers.answers = evaluate(model_.replica().model, model_.task(), samples, alone, model_.device(),
                             autocast_type(config_.trainer.precision));
  answers.answers.holders = Holders();
  answers.losses = config_.task.kind().losses(answers.answers, data_.preprocessing.target_scales);
  answers.answers.loss = std::accumulate(answers.losses.begin(), answers.losses.end(), 0.0) /
                         static_cast<double>(answers.losses.size());
  return answers;
}

CandidateOutcome Candidates::decide(const std::vector<StreamRow>& rows, const StreamJournal::Entry& candidate,
                                    const ordered_json& learned) {
  CandidateOutcome outcome{.before = std::nan(""), .after = std::nan("")};
  if (rows.empty()) {
    outcome.why = "no row is held out yet";
    return outcome;
  }
  const auto against = job_.model() / std::to_string(candidate.at("against").get<std::int64_t>());
  const Predictor standing(against.string());
  if (standing.manifest().preprocessing.to_json() != job_.manifest().preprocessing.to_json()) {
    outcome.why = fmt::format(
        "{} reads its rows by another schema than the version that learning began with; "
        "begin a new job with --from {}",
        against.string(), against.string());
    return outcome;
  }
  const RowSamples samples(RowTensors::of(rows, data_.preprocessing), model_.form());
  const auto after = answers_of_model(samples);
  const auto before = answer_rows(standing, HeldOutRows(rows, data_.preprocessing), catalogue_);
  const auto gate = pass_gate({before, standing.manifest()}, {after, job_.manifest()}, config_.task.kind(),
                              config_.learn.metric, config_.learn.margin, kResamples,
                              static_cast<std::uint64_t>(config_.seed + model_.step()));
  outcome.before = gate.before;
  outcome.after = gate.after;
  outcome.why = gate.why;
  if (!gate.promoted) return outcome;
  // Many candidates are measured on few rows: one of them is better by chance alone.
  if (!(gate.interval.low > 0)) {
    outcome.why = fmt::format(
        "it is better, but by no more than chance: in 95% of resampled windows by {:.6f} to {:.6f}",
        gate.interval.low, gate.interval.high);
    return outcome;
  }
  const auto guard =
      guard_.why_not(gate.rows, candidate.at("day").get<std::int64_t>(), candidate.at("frozen").get<bool>());
  if (!guard.empty()) {
    outcome.why = "it is better, but " + guard;
    return outcome;
  }
  outcome.version = publish(rows, judge_answers(after, job_.manifest()), learned, outcome);
  const auto failed = failed_tests_of(outcome.version);
  outcome.promoted = failed.empty();
  if (!failed.empty()) outcome.why = "it is better, but fails " + failed;
  if (outcome.promoted && live() != outcome.version) promote(job_.model(), outcome.version);
  return outcome;
}

/// "the test 'large amounts'", as its manifest says; "" for none.
std::string Candidates::failed_tests_of(std::int64_t version) const {
  const auto manifest = Manifest::read(job_.model() / std::to_string(version));
  if (!manifest.tests.is_object()) return "";
  const auto results = results_from_json(manifest.tests.at("results"));
  return all_passed(results) ? "" : failed_tests(results);
}

/// The version that an earlier process exported at this step, before it was ended.
std::optional<std::int64_t> Candidates::published() const {
  const auto job = fs::weakly_canonical(job_.files().folder).string();
  auto present = versions(job_.model());
  for (auto version = present.rbegin(); version != present.rend(); ++version) {
    const auto& made = Manifest::read(job_.model() / std::to_string(*version)).provenance;
    const auto learn = made.value("learn", nlohmann::json::object());
    if (learn.value("job", "") == job && made.value("step", std::int64_t{-1}) == model_.step() &&
        learn.value("began", "") == job_.began())
      return *version;
  }
  return std::nullopt;
}

std::int64_t Candidates::publish(const std::vector<StreamRow>& rows, const MetricsReport& metrics,
                                 const ordered_json& learned, const CandidateOutcome& outcome) {
  if (const auto there = published()) return *there;
  data_.test = std::make_unique<RowSamples>(RowTensors::of(rows, data_.preprocessing), model_.form());
  data_.test_sample = sample_of_rows(rows, data_.preprocessing);
  auto what = trained();
  what.run_tests = [&](const fs::path& version) {
    return run_behaviour_tests(config_.tests, Predictor(version.string()),
                               HeldOutRows(rows, data_.preprocessing), catalogue_);
  };
  what.metrics = metrics.to_json();
  what.provenance["learn"] = {{"job", fs::weakly_canonical(job_.files().folder).string()},
                              {"began", job_.began()},
                              {"from", job_.version().string()},
                              {"journal", job_.files().journal().string()},
                              {"learned_from", learned},
                              {"metric", config_.learn.metric},
                              {"before", number(outcome.before)},
                              {"after", number(outcome.after)},
                              {"held_out_rows", rows.size()}};
  return std::stoll(export_trained(config_, what, formats_, ranks_).version.filename().string());
}

ordered_json Candidates::to_json() const {
  return {{"guard", guard_.to_json()}, {"promoted", promoted_}, {"measured", measured_}};
}

void Candidates::restore(const ordered_json& json) {
  guard_.restore(json.at("guard"));
  promoted_ = json.at("promoted").get<std::int64_t>();
  measured_ = json.at("measured").get<std::int64_t>();
}

}  // namespace ringtrain
