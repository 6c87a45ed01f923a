#include <fmt/format.h>

#include "common/config_writer.h"
#include "common/exit_code.h"
#include "launch/commands/commands.h"
#include "trainer/run_config.h"

namespace ringtrain {

void add_config_command(CLI::App& app, Program& program) {
  auto key = std::make_shared<std::string>();
  auto file = std::make_shared<std::string>();
  auto* command =
      app.add_subcommand("config", "Print the configuration reference, or a file as it would be run.");
  command->add_option("KEY", *key, "Only this part: trainer.optimizer, model.mlp");
  command->add_option("--resolve", *file, "Print this configuration with all defaults filled in")
      ->type_name("CONFIG");
  command->footer(
      "Examples:\n  ringtrain config\n  ringtrain config trainer.optimizer\n  ringtrain config model.mlp\n  "
      "ringtrain config --resolve "
      "configs/fraud.yaml");
  command->callback([key, file, &program] {
    if (!file->empty()) {
      fmt::print("{}", RunConfig::load(*file, {}, program.catalogue).to_yaml());
    } else {
      RunConfig defaults(program.catalogue);
      fmt::print("{}", config::to_markdown([&defaults](config::Visitor& v) { defaults.describe(v); },
                                           "Configuration", *key));
    }
    program.exit_code = ExitCode::success;
  });
}

}  // namespace ringtrain
