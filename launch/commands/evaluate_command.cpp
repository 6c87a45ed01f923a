#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <cmath>
#include <iostream>
#include <map>
#include <optional>

#include "common/errors.h"
#include "common/exit_code.h"
#include "common/progress.h"
#include "common/text.h"
#include "launch/behaviour/tests_of_run.h"
#include "launch/commands/commands.h"
#include "launch/commands/labelled_rows.h"
#include "launch/commands/model_evaluation.h"
#include "launch/commands/remote_model.h"
#include "serving/predict/model_outputs.h"

namespace ringtrain {
namespace {

using nlohmann::ordered_json;

struct Arguments {
  std::string model, data, against, tests;
  Part part = Part::all;
  std::int64_t resamples = 1000, seed = 42;
  bool json = false, drop = false, no_tests = false;
};

struct Judged {
  MetricsReport report;
  std::map<std::string, Interval> intervals;
};

ordered_json to_json(const Judged& judged) {
  auto values = ordered_json::object();
  const auto number = [](double value) {
    return std::isfinite(value) ? ordered_json(value) : ordered_json();
  };
  for (const auto& [name, value] : judged.report.values) {
    values[name] = {{"value", number(value)}};
    if (const auto found = judged.intervals.find(name); found != judged.intervals.end())
      values[name]["interval"] = {number(found->second.low), number(found->second.high)};
  }
  return values;
}

void print(const Judged& judged) {
  for (const auto& [name, value] : judged.report.values) {
    const auto found = judged.intervals.find(name);
    fmt::print("  {:<12} {:>10.6f}{}\n", name, value,
               found == judged.intervals.end()
                   ? ""
                   : fmt::format("   95% [{:.6f}, {:.6f}]", found->second.low, found->second.high));
  }
}

/// Model against `other`: the differences.
Judged differences(const Judged& model, const MetricsReport& other,
                   std::map<std::string, Interval> intervals) {
  Judged judged{{}, std::move(intervals)};
  for (const auto& [name, value] : model.report.values)
    judged.report.set(name, value - other.find(name).value_or(NAN));
  return judged;
}

/// The resampled rows are the same for both.
void require_same_rows(const ModelAnswers& one, const ModelAnswers& other, const Predictor& first,
                       const Predictor& second) {
  if (one.answers.rows == other.answers.rows) return;
  throw DataError(fmt::format(
      "--against: {} reads {} rows of the data, {} reads {}, or others: they cannot be compared row by row",
      first.folder().string(), with_commas(static_cast<std::int64_t>(one.answers.rows.size())),
      second.folder().string(), with_commas(static_cast<std::int64_t>(other.answers.rows.size()))));
}

std::vector<BehaviourTest> asked_tests(const Arguments& arguments, const Manifest& manifest,
                                       const Catalogue& catalogue) {
  if (arguments.no_tests) return {};
  if (arguments.tests.empty()) return tests_of(manifest);
  auto tests = RunConfig::load(arguments.tests, {}, catalogue).tests;
  if (tests.empty()) throw ConfigError(fmt::format("--tests: {} has no `tests`", arguments.tests));
  return tests;
}

int evaluate(const Arguments& arguments, const Catalogue& catalogue) {
  at::set_num_threads(1);
  const Predictor predictor(local_model(arguments.model));
  const auto& manifest = predictor.manifest();
  const std::string missing_target = arguments.drop ? "drop" : "error";
  const auto rows_for = [&](const Predictor& whose) {
    return labelled_rows({arguments.data, whose.folder(), whose.manifest(), catalogue}, missing_target,
                         arguments.part);
  };
  const auto asked = asked_tests(arguments, manifest, catalogue);
  if (!arguments.tests.empty()) require_fitting_tests(asked, manifest, task_of(manifest, catalogue).kind());
  auto read = rows_for(predictor);
  const auto answers = answer_rows(predictor, *read, catalogue);
  const auto tests = run_behaviour_tests(asked, predictor, *read, catalogue, &answers);
  read.reset();
  const auto rows = static_cast<std::int64_t>(answers.answers.rows.size());
  const auto drawn = [&](const ModelAnswers& whose, const Manifest& of, const Compared* against) {
    Progress progress("resample", arguments.resamples);
    return bootstrap({whose, of}, against, arguments.resamples, static_cast<std::uint64_t>(arguments.seed),
                     [&progress](std::int64_t done) { progress.update(done); });
  };
  const Judged model{judge_answers(answers, manifest), drawn(answers, manifest, nullptr)};
  std::optional<Judged> other, difference;
  std::string other_folder;
  if (!arguments.against.empty()) {
    const Predictor second(local_model(arguments.against));
    other_folder = second.folder().string();
    const auto second_answers = answer_rows(second, *rows_for(second), catalogue);
    require_same_rows(answers, second_answers, predictor, second);
    const Compared compared{second_answers, second.manifest()};
    other = Judged{judge_answers(second_answers, second.manifest()),
                   drawn(second_answers, second.manifest(), nullptr)};
    difference = differences(model, other->report, drawn(answers, manifest, &compared));
  }
  if (arguments.json) {
    ordered_json result{{"model", predictor.folder().string()},
                        {"data", arguments.data},
                        {"rows", rows},
                        {"metrics", to_json(model)},
                        {"confusion_matrix", model.report.confusion},
                        {"unseen", answers.unseen}};
    if (manifest.head.is_binary()) result["positive_class"] = label_of(manifest, 1);
    if (other) {
      result["against"] = {{"model", other_folder}, {"metrics", to_json(*other)}};
      result["difference"] = to_json(*difference);
    }
    if (!tests.empty()) result["tests"] = to_json(tests);
    std::cout << result.dump(2) << '\n';
    return all_passed(tests) ? ExitCode::success : ExitCode::not_better;
  }
  fmt::print("{} on {} ({} rows, {} resamples)\n", predictor.folder().string(), arguments.data,
             with_commas(rows), with_commas(arguments.resamples));
  if (manifest.head.is_binary())
    fmt::print("  positive class '{}', threshold {:.4f}\n", label_of(manifest, 1),
               manifest.head.thresholds[0]);
  print(model);
  if (!answers.unseen.empty()) fmt::print("  {}\n", answers.unseen);
  MetricsReport confusion;
  confusion.confusion = model.report.confusion;
  if (!confusion.confusion.empty()) fmt::print("\n{}", confusion.to_table(manifest.preprocessing.labels));
  if (other) {
    fmt::print("\n{} on the same rows\n", other_folder);
    print(*other);
    fmt::print("\nThe first less the second, on the same resampled rows\n");
    print(*difference);
  }
  if (!tests.empty()) fmt::print("\nTests\n{}", behaviour_table(tests));
  return all_passed(tests) ? ExitCode::success : ExitCode::not_better;
}

}  // namespace

void add_evaluate_command(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand(
      "evaluate", "Measure an exported model on labelled rows, with confidence intervals.");
  command
      ->add_option("MODEL", arguments->model,
                   "BASE/NAME, BASE/NAME/VERSION, BASE/NAME@live, BASE/NAME@canary")
      ->required();
  command
      ->add_option(
          "DATA", arguments->data,
          "A CSV or Parquet file, or a folder of them, with the model's columns and the target's; of a "
          "model of named tensors what its kind of data reads")
      ->required();
  command->add_option("--against", arguments->against, "Another version: the differences, on the same rows");
  command->add_option("--bootstrap", arguments->resamples, "How often the rows are drawn anew")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--seed", arguments->seed, "Of the drawing")->capture_default_str();
  command->add_flag("--drop-missing-target", arguments->drop,
                    "Leave out rows whose target is missing, and say how many");
  const std::map<std::string, Part> parts{
      {"all", Part::all}, {"train", Part::train}, {"validation", Part::validation}, {"test", Part::test}};
  command
      ->add_option(
          "--part", arguments->part,
          "Of a model of named tensors: the part that its kind of data makes of DATA, or all of them")
      ->transform(CLI::CheckedTransformer(parts))
      ->default_str("all");
  command->add_option("--tests", arguments->tests,
                      "A configuration whose `tests` are run, in place of those that the model was exported "
                      "with");
  command->add_flag("--no-tests", arguments->no_tests, "Run none");
  command->add_flag("--json", arguments->json, "As JSON");
  command->footer(
      "Examples:\n"
      "  ringtrain evaluate jobs/fraud/export/fraud new.csv\n"
      "  ringtrain evaluate models/fraud@canary new.csv --against models/fraud@live\n"
      "  ringtrain evaluate models/fraud new.csv --tests configs/fraud.yaml\n"
      "Exit code 0, or 8 where a test fails.\n"
      "The intervals are those of the percentile bootstrap: 95% of what the resampled rows give.");
  command->callback([arguments, &program] { program.exit_code = evaluate(*arguments, program.catalogue); });
}

}  // namespace ringtrain
