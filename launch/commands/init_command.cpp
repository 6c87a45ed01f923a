#include <fmt/format.h>

#include "common/exit_code.h"
#include "launch/commands/commands.h"
#include "launch/init/first_run.h"

namespace ringtrain {
namespace {

struct Arguments {
  std::string data, target, output;
};

}  // namespace

void add_init_command(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<Arguments>();
  auto* command =
      app.add_subcommand("init", "Look at a file of rows, and write a configuration to train on it.");
  command->add_option("DATA", arguments->data, "CSV with a header line (also .gz), or Parquet")->required();
  command->add_option("--target", arguments->target, "The column to predict")->type_name("COLUMN");
  command->add_option("--output", arguments->output, "The file to write (NAME.yaml, after DATA)")
      ->type_name("FILE");
  command->footer(
      "Examples:\n"
      "  ringtrain init customers.csv --target churned\n"
      "  ringtrain train customers.yaml\n"
      "  ringtrain train customers.csv --target churned      both in one\n"
      "It looks at the first 100,000 rows, says what it takes each column for and why, and never writes over "
      "a "
      "file.");
  command->callback([arguments, &program] {
    const auto file = write_first_config(arguments->data, arguments->target, arguments->output);
    fmt::print("Written {}. Look at it, then:\n\n  {} train {}\n", file, program.name, file);
    program.exit_code = ExitCode::success;
  });
}

}  // namespace ringtrain
