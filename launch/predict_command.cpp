#include <fmt/format.h>

#include <fstream>
#include <iostream>

#include "common/errors.h"
#include "launch/commands.h"
#include "serving/predictor.h"

namespace ringtrain {
namespace {

struct Arguments {
  std::string model, json_instances, csv;
  PredictOptions options;
};

std::int64_t answer(const Arguments& arguments) {
  const Predictor predictor(arguments.model);
  std::ios::sync_with_stdio(false);
  if (!arguments.csv.empty()) return predict_csv(predictor, arguments.csv, std::cout, arguments.options);
  if (arguments.json_instances == "-")
    return predict_json_lines(predictor, std::cin, std::cout, arguments.options);
  std::ifstream in(arguments.json_instances);
  if (!in || std::filesystem::is_directory(arguments.json_instances))
    throw DataError(fmt::format("cannot read {} (--json-instances)", arguments.json_instances));
  return predict_json_lines(predictor, in, std::cout, arguments.options);
}

}  // namespace

void add_predict_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("predict", "Answer the rows of a file with an exported model.");
  command
      ->add_option("MODEL", arguments->model,
                   "The exported model: BASE/NAME (its newest version) or BASE/NAME/VERSION")
      ->required();
  auto* inputs = command->add_option_group("input", "One of:");
  inputs->add_option("--json-instances", arguments->json_instances,
                     "A JSON object or array a line; - is the standard input");
  inputs->add_option("--csv", arguments->csv, "A CSV file with a header");
  inputs->require_option(1);
  command->add_option("--output", arguments->options.output, "Form of the answers")
      ->check(CLI::IsMember({"jsonl", "csv"}))
      ->capture_default_str();
  command->add_option("--batch-size", arguments->options.batch_size, "Rows answered at a time")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  ringtrain predict jobs/fraud/export/fraud --json-instances rows.json\n"
      "  ringtrain predict jobs/fraud/export/fraud/1 --csv new.csv --output csv > answers.csv\n"
      "A row that cannot be answered gives an error on its own line; the exit code is 2 then.");
  command->callback([arguments, &exit_code] {
    const auto errors = answer(*arguments);
    std::cout.flush();
    if (!std::cout) throw Error("writing the answers failed; is the disk full?");
    if (errors > 0) fmt::print(stderr, "ringtrain: {} rows could not be answered; see their lines\n", errors);
    exit_code = errors > 0 ? 2 : 0;
  });
}

}  // namespace ringtrain
