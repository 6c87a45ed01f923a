#include <fmt/format.h>

#include "common/config_writer.h"
#include "common/exit_code.h"
#include "launch/commands/commands.h"
#include "trainer/run_config.h"

namespace ringtrain {

void add_config_command(CLI::App& app, int& exit_code) {
  auto key = std::make_shared<std::string>();
  auto file = std::make_shared<std::string>();
  auto* command =
      app.add_subcommand("config", "Print the configuration reference, or a file as it would be run.");
  command->add_option("KEY", *key, "Only this part: trainer.optimizer");
  command->add_option("--resolve", *file, "Print this configuration with all defaults filled in")
      ->type_name("CONFIG");
  command->footer(
      "Examples:\n  ringtrain config\n  ringtrain config trainer.optimizer\n  ringtrain config --resolve "
      "configs/fraud.yaml");
  command->callback([key, file, &exit_code] {
    if (!file->empty()) {
      fmt::print("{}", RunConfig::load(*file, {}).to_yaml());
    } else {
      RunConfig defaults;
      fmt::print("{}", config::to_markdown([&defaults](config::Visitor& v) { defaults.describe(v); },
                                           "Configuration", *key));
    }
    exit_code = ExitCode::success;
  });
}

}  // namespace ringtrain
