#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <memory>

#include "common/errors.h"
#include "common/exit_code.h"
#include "common/files.h"
#include "common/log.h"
#include "common/text.h"
#include "launch/commands/commands.h"
#include "launch/init/first_run.h"
#include "launch/jobs/halving.h"
#include "launch/jobs/many_options.h"
#include "launch/jobs/search_space.h"
#include "launch/jobs/text_table.h"
#include "launch/mpirun/subprocess.h"
#include "launch/report/run_record.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

struct Arguments {
  ManyOptions many;
  std::string space, sampler = "sobol";
  std::int64_t trials = 0, seed = 1;
  bool halving = false;
  std::int64_t eta = 3, min_epochs = 1;
};

/// What an attempt came to.
struct TrialOutcome {
  RungTrial attempt;
  double value = std::numeric_limits<double>::quiet_NaN();  ///< of the metric; NaN: failed, or undefined
  std::int64_t step = 0;
  double seconds = 0;
  std::string why{};  ///< of a failure
};

/// Settings that would make trials' metrics those of other things.
void require_comparable(const SearchSpace& space, bool halving) {
  std::vector<std::string> fixed{"data.split",
                                 "data.train_file",
                                 "data.validation_file",
                                 "task.type",
                                 "trainer.checkpoint.metric",
                                 "job_dir",
                                 "name",
                                 "export"};
  if (halving) fixed.insert(fixed.end(), {"trainer.epochs", "trainer.max_steps", "trainer.steps"});
  std::vector<std::string> problems;
  for (const auto& dimension : space.dimensions)
    for (const auto& one : fixed)
      if (dimension.key == one || dimension.key.starts_with(one + "."))
        problems.push_back(fmt::format("{}: it cannot be varied; {}", dimension.key,
                                       one.starts_with("trainer.") && one != "trainer.checkpoint.metric"
                                           ? "--halving does"
                                           : "the trials would not be measured alike"));
  if (!problems.empty()) throw ConfigError(join(problems, "\n"));
}

/// A search and what it has come to.
class Search {
 public:
  Search(const Arguments& arguments, const Catalogue& catalogue)
      : arguments_(arguments),
        catalogue_(catalogue),
        text_(read_space(arguments.space)),
        space_(SearchSpace::parse(text_, arguments.space)),
        run_(load({})),
        rungs_(arguments.halving
                   ? rung_epochs(run_.trainer.epochs, std::min(arguments.min_epochs, run_.trainer.epochs),
                                 arguments.eta)
                   : std::vector<std::int64_t>{0}),
        halving_(static_cast<std::size_t>(arguments.trials), rungs_.size(),
                 static_cast<std::size_t>(arguments.eta)),
        metric_(run_.trainer.checkpoint.metric),
        larger_(larger_is_better(run_.task.kind(), metric_)) {
    require_comparable(space_, arguments.halving);
    if (arguments.halving && run_.trainer.steps == "auto")
      throw ConfigError(
          "--halving: its budgets are epochs; set trainer.steps: epochs, and trainer.epochs to the most");
    const auto dimensions = space_.dimensions.size();
    const auto trials = static_cast<std::size_t>(arguments.trials);
    const auto seed = static_cast<std::uint64_t>(arguments.seed);
    for (const auto& point : arguments.sampler == "random" ? random_points(dimensions, trials, seed)
                                                           : sobol_points(dimensions, trials, seed))
      values_.push_back(space_.at(point));
    require_usable();
  }

  int run();

 private:
  static std::string read_space(const std::string& file) {
    try {
      return read_file(file);
    } catch (const DataError& error) {
      throw ConfigError(fmt::format("--space: {}", error.what()));
    }
  }
  RunConfig load(const std::vector<std::string>& values) const {
    auto overrides = arguments_.many.all_overrides();
    overrides.insert(overrides.end(), values.begin(), values.end());
    return RunConfig::load(arguments_.many.config, overrides, catalogue_);
  }
  /// Every trial's configuration, before the first begins.
  void require_usable() const {
    for (std::size_t trial = 0; trial < values_.size(); ++trial) try {
        load(values_[trial]);
      } catch (const ConfigError& error) {
        throw ConfigError(fmt::format("trial {} ({}): {}", trial + 1, join(values_[trial]), error.what()));
      }
  }
  std::string name_of(const RungTrial& attempt) const {
    const auto name = fmt::format("trial {}", attempt.trial + 1);
    return arguments_.halving ? fmt::format("{} of {} epochs", name, rungs_[attempt.rung]) : name;
  }
  fs::path folder_of(const RungTrial& attempt) const {
    const auto folder = folder_ / fmt::format("trial-{}", attempt.trial + 1);
    return arguments_.halving ? folder / fmt::format("epochs-{}", rungs_[attempt.rung]) : folder;
  }
  Training training_of(const RungTrial& attempt) const {
    auto overrides = values_[attempt.trial];
    if (arguments_.halving) overrides.push_back(fmt::format("trainer.epochs={}", rungs_[attempt.rung]));
    overrides.emplace_back("export.enabled=false");
    return arguments_.many.training(name_of(attempt), folder_of(attempt), overrides);
  }
  void recall(const std::vector<ordered_json>& entries);
  void take(Journal& journal, TrialOutcome outcome);
  void keep(const TrialOutcome& outcome);
  const TrialOutcome* best() const;
  std::string table() const;
  ordered_json to_json() const;

  const Arguments& arguments_;
  const Catalogue& catalogue_;
  std::string text_;
  SearchSpace space_;
  RunConfig run_;
  std::vector<std::int64_t> rungs_;
  Halving halving_;
  std::string metric_;
  bool larger_;
  fs::path folder_;
  std::vector<std::vector<std::string>> values_;  ///< [trials] overrides
  std::vector<RungTrial> interrupted_;            ///< begun by an earlier process
  std::map<RungTrial, TrialOutcome> outcomes_;
};

void Search::keep(const TrialOutcome& outcome) {
  const double loss = std::isnan(outcome.value) ? std::numeric_limits<double>::infinity()
                      : larger_                 ? -outcome.value
                                                : outcome.value;
  halving_.ended(outcome.attempt, loss);
  outcomes_[outcome.attempt] = outcome;
}

void Search::recall(const std::vector<ordered_json>& entries) {
  for (const auto& entry : entries) {
    const RungTrial attempt{entry.at("trial").get<std::size_t>() - 1, entry.at("rung").get<std::size_t>()};
    if (attempt.trial >= values_.size())
      throw ConfigError(fmt::format("--trials: {} has begun trial {} already; ask for that many, or for more",
                                    folder_.string(), attempt.trial + 1));
    if (!entry.contains("seconds")) {
      halving_.begun(attempt);
      interrupted_.push_back(attempt);
      continue;
    }
    std::erase(interrupted_, attempt);
    TrialOutcome outcome{.attempt = attempt};
    if (entry.at("value").is_number()) outcome.value = entry.at("value");
    outcome.step = entry.at("step");
    outcome.seconds = entry.at("seconds");
    outcome.why = entry.value("why", "");
    keep(outcome);
  }
}

void Search::take(Journal& journal, TrialOutcome outcome) {
  ordered_json entry{{"trial", outcome.attempt.trial + 1},
                     {"rung", outcome.attempt.rung},
                     {"value", std::isnan(outcome.value) ? ordered_json() : ordered_json(outcome.value)},
                     {"step", outcome.step},
                     {"seconds", outcome.seconds}};
  if (!outcome.why.empty()) entry["why"] = outcome.why;
  journal.add(std::move(entry));
  keep(outcome);
  log::info(fmt::format("{} is done after {}: {} {} ({})", name_of(outcome.attempt),
                        human_seconds(outcome.seconds), metric_, table_number(outcome.value),
                        join(values_[outcome.attempt.trial])));
}

/// Of the largest budget that one has ended with; of equally good ones the first.
const TrialOutcome* Search::best() const {
  const TrialOutcome* best = nullptr;
  for (const auto& [attempt, outcome] : outcomes_) {
    if (std::isnan(outcome.value)) continue;
    const bool better = !best || attempt.rung > best->attempt.rung ||
                        (attempt.rung == best->attempt.rung &&
                         (larger_ ? outcome.value > best->value : outcome.value < best->value));
    if (better) best = &outcome;
  }
  return best;
}

/// The best first.
std::string Search::table() const {
  std::vector<const TrialOutcome*> order;
  for (const auto& [attempt, outcome] : outcomes_) order.push_back(&outcome);
  std::stable_sort(order.begin(), order.end(), [this](const TrialOutcome* a, const TrialOutcome* b) {
    if (a->attempt.rung != b->attempt.rung) return a->attempt.rung > b->attempt.rung;
    if (std::isnan(a->value) || std::isnan(b->value)) return !std::isnan(a->value) && std::isnan(b->value);
    return larger_ ? a->value > b->value : a->value < b->value;
  });
  std::vector<std::string> head{"trial"};
  if (arguments_.halving) head.emplace_back("epochs");
  head.insert(head.end(), {metric_, "step", "seconds"});
  for (const auto& dimension : space_.dimensions) head.push_back(dimension.key);
  std::vector<std::vector<std::string>> rows{head, {}};
  for (const auto* outcome : order) {
    auto& row = rows.emplace_back();
    row.push_back(std::to_string(outcome->attempt.trial + 1));
    if (arguments_.halving) row.push_back(std::to_string(rungs_[outcome->attempt.rung]));
    row.insert(row.end(), {outcome->why.empty() ? table_number(outcome->value) : "failed",
                           std::to_string(outcome->step), fmt::format("{:.1f}", outcome->seconds)});
    for (const auto& value : values_[outcome->attempt.trial])
      row.push_back(value.substr(value.find('=') + 1));
  }
  return text_table(rows);
}

ordered_json Search::to_json() const {
  ordered_json trials = ordered_json::array();
  for (const auto& [attempt, outcome] : outcomes_) {
    ordered_json values;
    for (std::size_t d = 0; d < space_.dimensions.size(); ++d) {
      const auto& value = values_[attempt.trial][d];
      values[space_.dimensions[d].key] = value.substr(value.find('=') + 1);
    }
    auto& trial = trials.emplace_back(ordered_json{{"trial", attempt.trial + 1}});
    if (arguments_.halving) trial["epochs"] = rungs_[attempt.rung];
    trial["value"] = std::isnan(outcome.value) ? ordered_json() : ordered_json(outcome.value);
    trial["step"] = outcome.step;
    trial["seconds"] = outcome.seconds;
    if (!outcome.why.empty()) trial["why"] = outcome.why;
    trial["folder"] = folder_of(attempt).string();
    trial["settings"] = values;
  }
  const auto* first = best();
  return {{"metric", metric_},           {"part", "validation"},
          {"larger_is_better", larger_}, {"best_trial", first->attempt.trial + 1},
          {"best_value", first->value},  {"trials", trials}};
}

int Search::run() {
  const auto& many = arguments_.many;
  ManyFolder folder(many.folder(run_, "-tune"), many, run_,
                    {{"command", "tune"},
                     {"space", text_},
                     {"sampler", arguments_.sampler},
                     {"seed", arguments_.seed},
                     {"rungs", rungs_},
                     {"eta", arguments_.eta}});
  folder_ = folder.path();
  auto& journal = folder.journal();
  recall(journal.entries());
  if (!outcomes_.empty()) log::info(fmt::format("{} trainings are done already", outcomes_.size()));
  std::map<std::string, RungTrial> running;  // by the training's name
  const auto next = [&]() -> std::optional<Training> {
    std::optional<RungTrial> attempt;
    if (!interrupted_.empty()) {
      attempt = interrupted_.front();
      interrupted_.erase(interrupted_.begin());
    } else {
      attempt = halving_.next();
      if (attempt) journal.add({{"trial", attempt->trial + 1}, {"rung", attempt->rung}});
    }
    if (!attempt) return std::nullopt;
    running[name_of(*attempt)] = *attempt;
    return training_of(*attempt);
  };
  const auto ended = [&](const Training& training, const TrainingEnd& end) {
    TrialOutcome outcome{.attempt = running.at(training.name), .seconds = end.seconds, .why = {}};
    const auto record = report::RunRecord::read(training.folder);
    if (const auto* chosen = record.chosen_validation()) {
      outcome.step = chosen->step;
      for (const auto& [name, value] : chosen->values)
        if (name == metric_) outcome.value = value;
    }
    take(journal, outcome);
  };
  const auto failed = [&](const Training& training, const TrainingEnd& end) {
    log::warn(fmt::format("{} failed: {}", training.name, end.why));
    take(journal, {.attempt = running.at(training.name), .seconds = end.seconds, .why = end.why});
    return true;
  };
  run_side_by_side(many.jobs_for(run_), next, ended, failed);

  const auto* first = best();
  if (!first)
    throw TrainingError(fmt::format(
        "no trial has a {} of the validation part: {}", metric_,
        outcomes_.begin()->second.why.empty()
            ? "it has no rows, or lacks a class; give it more (data.split.validation), or choose another "
              "trainer.checkpoint.metric"
            : outcomes_.begin()->second.why));
  const auto found = folder_ / "best.yaml", result = folder_ / "tune.json";
  write_file_atomically(
      found, fmt::format("# Found by ringtrain tune: trial {} of {}, {} of the validation part {}.\n{}",
                         first->attempt.trial + 1, arguments_.trials, metric_, table_number(first->value),
                         load(values_[first->attempt.trial]).to_yaml()));
  write_file_atomically(result, to_json().dump(2) + "\n");
  fmt::print(
      "\n{}\nBest          trial {}: {}\nMeasure       {} of the validation part, {} is better\nResult       "
      " "
      "{}\n\nNext\n  ringtrain train {}\n",
      table(), first->attempt.trial + 1, join(values_[first->attempt.trial]), metric_,
      larger_ ? "larger" : "smaller", result.string(), shell_quoted(found.string()));
  std::fflush(stdout);
  return ExitCode::success;
}

int tune(const Arguments& arguments, const Catalogue& catalogue) {
  require_configuration(arguments.many.config);
  return Search(arguments, catalogue).run();
}

}  // namespace

void add_tune_command(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("tune", "Train with settings drawn from a space, and find the best.");
  arguments->many.add_to(*command);
  command->add_option("--space", arguments->space, "What is varied, YAML: KEY: {KIND: [...]}")
      ->type_name("FILE")
      ->required();
  command->add_option("--trials", arguments->trials, "How many settings are tried")
      ->check(CLI::Range(1, 100'000))
      ->required();
  command
      ->add_option("--sampler", arguments->sampler,
                   "How they are drawn: sobol (covers the space evenly) or random")
      ->check(CLI::IsMember({"sobol", "random"}))
      ->capture_default_str();
  command->add_option("--seed", arguments->seed, "Of the drawing")
      ->check(CLI::Range(0, 2'000'000'000))
      ->capture_default_str();
  auto* halving = command->add_flag(
      "--halving", arguments->halving,
      "Train all for a few epochs, and only the best of them for more (ASHA), up to trainer.epochs");
  command->add_option("--eta", arguments->eta, "The best 1/ETA go on, for ETA times the epochs")
      ->check(CLI::Range(2, 100))
      ->capture_default_str()
      ->needs(halving);
  command->add_option("--min-epochs", arguments->min_epochs, "What all are trained for at least")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str()
      ->needs(halving);
  command->footer(
      "Examples:\n"
      "  ringtrain tune configs/cancer.yaml --space space.yaml --trials 16\n"
      "  ringtrain tune configs/fraud.yaml --space space.yaml --trials 64 --halving --jobs 4\n"
      "A space:\n"
      "  trainer.optimizer.lr: {log_uniform: [1e-4, 1e-1]}\n"
      "  model.hidden: {choice: [[32], [64, 64]]}\n"
      "  model.dropout: {uniform: [0, 0.5]}\n"
      "  trainer.accumulate: {int: [1, 4]}\n"
      "What counts is trainer.checkpoint.metric of the validation part, never the test part. The best\n"
      "configuration is JOB_DIR/best.yaml, which `train` takes. JOB_DIR is that of the run with -tune "
      "behind\n"
      "it, where --job-dir does not name it. Ended or killed, the same command goes on; with more --trials "
      "it\n"
      "adds them to those that are done.");
  command->callback([arguments, &program] { program.exit_code = tune(*arguments, program.catalogue); });
}

}  // namespace ringtrain
