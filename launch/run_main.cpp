#include "launch/run_main.h"

#include <fmt/format.h>

#include <cstdio>

#include "comm/launcher.h"
#include "common/allocator.h"
#include "common/errors.h"
#include "common/exit_code.h"
#include "common/text.h"
#include "launch/check_codes.h"
#include "launch/commands/commands.h"
#include "launch/commands/row_commands.h"
#include "launch/commands/serve_log_command.h"
#include "launch/option_rules.h"
#include "launch/program_name.h"
#include "launch/standard_output.h"
#include "launch/version.h"
#include "trainer/plugins/plugins.h"

namespace ringtrain {
namespace {

/// "" or what is wrong with the first word of the command line.
std::string unknown_subcommand(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return "";
  std::vector<std::string> known;
  for (const auto* command :
       app.get_subcommands([](const CLI::App* one) { return !one->get_group().empty(); }))
    known.push_back(command->get_name());
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
    if (command->get_name() == argv[1]) return "";
  return fmt::format("there is no subcommand '{}'; there are: {}.{}", argv[1], join(known),
                     did_you_mean(argv[1], known));
}

/// Runs the command; returns its exit code.
int parse_and_run(CLI::App& app, int argc, char** argv, const Program& program) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    if (code == 0) return ExitCode::success;
    const std::string_view command = argc > 1 ? argv[1] : "";
    const bool checks =
        command == "check" || command == "lr-range" || command == "drift" || command == "schema";
    return checks ? static_cast<int>(CheckCode::not_checked) : ExitCode::configuration;
  }
  return program.exit_code;
}

/// Prints what went wrong; returns the exit code.
int say(const Error& error) {
  // What every rank finds is said by the first.
  if (*error.what() != '\0' && (!error.agreed() || launcher::announced_rank() == 0))
    fmt::print(stderr, "ringtrain: {}\n", error.what());
  return error.exit_code();
}

void add_commands(CLI::App& app, Program& program) {
  add_init_command(app, program);
  add_train_command(app, program);
  add_submit_command(app, program);
  add_doctor_command(app, program);
  add_check_command(app, program);
  add_verify_export_command(app, program);
  add_report_command(app, program);
  add_predict_command(app, program);
#ifdef RINGTRAIN_HAS_SERVER
  add_serve_command(app, program);
  add_serve_log_command(app, program);
#endif
  add_models_command(app, program);
  add_versions_command(app, program);
  add_evaluate_command(app, program);
  add_drift_command(app, program);
  add_schema_command(app, program);
  add_retrain_command(app, program);
  add_learn_command(app, program);
  add_cross_validate_command(app, program);
  add_tune_command(app, program);
  add_export_command(app, program);
  add_generate_command(app, program);
  add_index_command(app, program);
  add_config_command(app, program);
  add_new_command(app, program);
  add_option_rules(app);
}

void describe(CLI::App& app) {
  app.set_version_flag("--version", version_text);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  ringtrain train customers.csv --target churned\n"
      "  ringtrain generate fraud --output datasets/fraud_synthetic.csv\n"
      "  ringtrain train configs/fraud.yaml --ranks 2\n"
      "  ringtrain check configs/fraud.yaml\n"
      "  ringtrain submit configs/fraud.yaml --nodes 4 --gpus-per-node 8\n"
      "  mpirun -np 16 ringtrain train configs/fraud.yaml --train-file creditcard.csv --job-dir jobs/cards\n"
      "  ringtrain report jobs/fraud\n"
      "  ringtrain predict jobs/fraud/export/fraud --json-instances rows.json\n"
      "  ringtrain drift jobs/fraud/export/fraud july.csv\n"
      "  ringtrain config trainer.optimizer");
}

}  // namespace

int run_main(int argc, char** argv, const Catalogue& catalogue) {
  tune_allocator();
  Catalogue known = catalogue;
  try {
    for (const auto& file : plugins_of_environment()) add_plugin(file, known);
  } catch (const Error& error) {
    fmt::print(stderr, "ringtrain: RINGTRAIN_PLUGINS: {}\n", error.what());
    return error.exit_code();
  }
  Program program(known, program_name(argc, argv));
  CLI::App app("ringtrain: distributed data-parallel training of LibTorch models, from training to serving.",
               program.name);
  describe(app);
  add_commands(app, program);
  name_in_examples(app, program.name);
  if (const auto problem = unknown_subcommand(app, argc, argv); !problem.empty()) {
    fmt::print(stderr, "ringtrain: {}\n", problem);
    return ExitCode::configuration;
  }
  int code = ExitCode::success;
  bool told = false;
  try {
    code = parse_and_run(app, argc, argv, program);
  } catch (const Error& error) {
    code = say(error);
    told = true;
  } catch (const std::exception& error) {
    // fmt throws where a print meets a full disk, which is told below.
    if (!std::ferror(stdout)) fmt::print(stderr, "ringtrain: unexpected error: {}\n", error.what());
    code = ExitCode::failure;
  }
  try {
    finish_standard_output();
  } catch (const Error& error) {
    // A command that failed has said why, be it this.
    if (!told) code = say(error);
  }
  return code;
}

}  // namespace ringtrain
