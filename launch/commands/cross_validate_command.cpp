#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <set>

#include "common/errors.h"
#include "common/exit_code.h"
#include "common/files.h"
#include "common/log.h"
#include "common/text.h"
#include "launch/commands/commands.h"
#include "launch/init/first_run.h"
#include "launch/jobs/fold_results.h"
#include "launch/jobs/many_options.h"
#include "launch/jobs/spread.h"
#include "launch/jobs/text_table.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

struct Arguments {
  ManyOptions many;
  std::int64_t folds = 5, repeats = 1;
};

struct Fold {
  std::int64_t repeat, number;
};

/// A fold's folder below that of all, which is its name in the journal, too.
std::string folder_name(const Arguments& arguments, const Fold& fold) {
  const auto name = fmt::format("fold-{}", fold.number);
  return arguments.repeats == 1 ? name : fmt::format("repeat-{}/{}", fold.repeat, name);
}

std::string name_of(const Arguments& arguments, const Fold& fold) {
  const auto name = fmt::format("fold {} of {}", fold.number, arguments.folds);
  return arguments.repeats == 1 ? name : fmt::format("{} of repeat {}", name, fold.repeat);
}

std::vector<std::string> overrides_of(const Arguments& arguments, const Fold& fold) {
  return {fmt::format("data.split.folds={}", arguments.folds), fmt::format("data.split.fold={}", fold.number),
          fmt::format("data.split.repeat={}", fold.repeat), "trainer.save_predictions=true",
          "export.enabled=false"};
}

/// With the first fold, so that what it does not go with is told before anything is started.
RunConfig load(const Arguments& arguments, const Catalogue& catalogue) {
  require_configuration(arguments.many.config);
  auto overrides = arguments.many.all_overrides();
  const auto own = overrides_of(arguments, {arguments.repeats, 1});
  overrides.insert(overrides.end(), own.begin(), own.end());
  auto run = RunConfig::load(arguments.many.config, overrides, catalogue);
  if (!run.data.kind().table(run.data.train_file))
    throw ConfigError(fmt::format("{}: folds are made of the rows of a table; data.format: {} has none",
                                  arguments.many.config, run.data.kind().name()));
  return run;
}

void run_folds(const Arguments& arguments, const RunConfig& run, ManyFolder& folder,
               const std::vector<Fold>& folds) {
  std::set<std::string> done;
  for (const auto& entry : folder.journal().entries()) done.insert(entry.value("fold", ""));
  std::deque<Fold> waiting;
  for (const auto& fold : folds)
    if (!done.contains(folder_name(arguments, fold))) waiting.push_back(fold);
  if (waiting.size() < folds.size())
    log::info(fmt::format("{} of {} folds are done already", folds.size() - waiting.size(), folds.size()));
  std::map<std::string, std::string> names;  // by the training's
  const auto next = [&]() -> std::optional<Training> {
    if (waiting.empty()) return std::nullopt;
    const auto fold = waiting.front();
    waiting.pop_front();
    const auto name = name_of(arguments, fold);
    names[name] = folder_name(arguments, fold);
    return arguments.many.training(name, folder.path() / names[name], overrides_of(arguments, fold));
  };
  auto count = folds.size() - waiting.size();
  const auto ended = [&](const Training& training, const TrainingEnd& end) {
    folder.journal().add({{"fold", names.at(training.name)}, {"seconds", end.seconds}});
    log::info(fmt::format("{} is done after {} ({} of {})", training.name, human_seconds(end.seconds),
                          ++count, folds.size()));
  };
  run_side_by_side(arguments.many.jobs_for(run), next, ended,
                   [](const Training&, const TrainingEnd&) { return false; });
}

struct Summary {
  std::vector<FoldResult> folds;
  std::vector<std::pair<std::string, Spread>> metrics;
  double test_to_train = 0;
};

Summary summarize(std::vector<FoldResult> folds) {
  Summary summary;
  double train = 0, test = 0;
  for (const auto& fold : folds) {
    train += static_cast<double>(fold.train_rows);
    test += static_cast<double>(fold.test_rows);
  }
  summary.test_to_train = test / train;
  for (const auto& [name, value] : folds.front().metrics) {
    std::vector<double> values;
    for (const auto& fold : folds)
      for (const auto& [other, of_fold] : fold.metrics)
        if (other == name) values.push_back(of_fold);
    summary.metrics.emplace_back(name, spread_of(values, summary.test_to_train));
  }
  summary.folds = std::move(folds);
  return summary;
}

ordered_json number(double value) { return std::isfinite(value) ? ordered_json(value) : ordered_json(); }

ordered_json to_json(const Summary& summary, const Arguments& arguments, const RunConfig& run) {
  ordered_json folds = ordered_json::array();
  for (const auto& fold : summary.folds) {
    ordered_json metrics;
    for (const auto& [name, value] : fold.metrics) metrics[name] = number(value);
    folds.push_back({{"repeat", fold.repeat},
                     {"fold", fold.fold},
                     {"folder", fold.folder.string()},
                     {"train_rows", fold.train_rows},
                     {"test_rows", fold.test_rows},
                     {"step", fold.step},
                     {"metrics", metrics}});
  }
  ordered_json metrics;
  for (const auto& [name, spread] : summary.metrics)
    metrics[name] = {{"mean", number(spread.mean)},
                     {"deviation", number(spread.deviation)},
                     {"interval", {number(spread.low), number(spread.high)}}};
  return {{"name", run.name},
          {"folds", arguments.folds},
          {"repeats", arguments.repeats},
          {"interval", "95%, corrected resampled t (Nadeau and Bengio 2003)"},
          {"test_to_train", summary.test_to_train},
          {"metrics", metrics},
          {"runs", folds}};
}

std::string table_of(const Summary& summary, const Arguments& arguments) {
  std::vector<std::string> head{"", "rows"};
  for (const auto& [name, spread] : summary.metrics) head.push_back(name);
  std::vector<std::vector<std::string>> rows{head, {}};
  for (const auto& fold : summary.folds) {
    auto& row = rows.emplace_back();
    row = {name_of(arguments, {fold.repeat, fold.fold}), with_commas(fold.test_rows)};
    for (const auto& [name, value] : fold.metrics) row.push_back(table_number(value));
  }
  rows.emplace_back();
  const auto add = [&](const char* title, const auto& value_of) {
    auto& row = rows.emplace_back();
    row = {title, ""};
    for (const auto& [name, spread] : summary.metrics) row.push_back(table_number(value_of(spread)));
  };
  add("mean", [](const Spread& spread) { return spread.mean; });
  add("standard deviation", [](const Spread& spread) { return spread.deviation; });
  add("95% of the mean, from", [](const Spread& spread) { return spread.low; });
  add("to", [](const Spread& spread) { return spread.high; });
  return text_table(rows);
}

int cross_validate(const Arguments& arguments, const Catalogue& catalogue) {
  const auto run = load(arguments, catalogue);
  ManyFolder folder(
      arguments.many.folder(run, "-folds"), arguments.many, run,
      {{"command", "cross-validate"}, {"folds", arguments.folds}, {"repeats", arguments.repeats}});
  std::vector<Fold> folds;
  for (std::int64_t repeat = 1; repeat <= arguments.repeats; ++repeat)
    for (std::int64_t fold = 1; fold <= arguments.folds; ++fold) folds.push_back({repeat, fold});
  run_folds(arguments, run, folder, folds);
  std::vector<FoldResult> results;
  for (const auto& fold : folds)
    results.push_back(
        FoldResult::read(folder.path() / folder_name(arguments, fold), fold.repeat, fold.number));
  const auto answers = folder.path() / "out_of_fold.csv", file = folder.path() / "cross_validation.json";
  const auto rows = write_out_of_fold(answers, results);
  const auto summary = summarize(std::move(results));
  write_file_atomically(file, to_json(summary, arguments, run).dump(2) + "\n");
  fmt::print(
      "\n{}\nInterval      Student's t with the variance of Nadeau and Bengio (2003): folds share what "
      "they train on\nAnswers       {} ({} rows, each by the model that did not see it)\nResult        "
      "{}\n",
      table_of(summary, arguments), answers.string(), with_commas(rows), file.string());
  std::fflush(stdout);
  return ExitCode::success;
}

}  // namespace

void add_cross_validate_command(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand(
      "cross-validate", "Train once for each fold of the rows, and say how much the metrics vary.");
  arguments->many.add_to(*command);
  command->add_option("--folds", arguments->folds, "Into how many folds the rows are cut")
      ->check(CLI::Range(2, 1000))
      ->capture_default_str();
  command->add_option("--repeats", arguments->repeats, "How often, each time into other folds")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  ringtrain cross-validate configs/cancer.yaml --folds 5\n"
      "  ringtrain cross-validate configs/cancer.yaml --folds 10 --repeats 3 --jobs 4 --job-dir "
      "jobs/cancer-cv\n"
      "  ringtrain cross-validate visits.yaml --set data.split.group=patient\n"
      "A fold is the test part of a training of its own, in JOB_DIR/fold-K; validation is taken from the "
      "rest.\n"
      "JOB_DIR is that of the run with -folds behind it, where --job-dir does not name it. Ended or killed,\n"
      "the same command goes on: folds that are done are not run again, others go on from their "
      "checkpoints.");
  command->callback(
      [arguments, &program] { program.exit_code = cross_validate(*arguments, program.catalogue); });
}

}  // namespace ringtrain
