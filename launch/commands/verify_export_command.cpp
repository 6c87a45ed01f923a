#include "common/exit_code.h"
#include "launch/commands/commands.h"
#include "serving/export/exporter.h"

namespace ringtrain {

void add_verify_export_command(CLI::App& app, Program& program) {
  struct Arguments {
    std::string folder, expected;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command =
      app.add_subcommand("verify-export", "Compare an export with the outputs that it was made to give.");
  command->group("");
  command->add_option("FOLDER", arguments->folder)->required();
  command->add_option("EXPECTED", arguments->expected)->required();
  command->callback([arguments, &program] {
    verify_export(arguments->folder, arguments->expected);
    program.exit_code = ExitCode::success;
  });
}

}  // namespace ringtrain
