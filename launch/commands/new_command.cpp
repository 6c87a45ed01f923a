#include <fmt/format.h>

#include "common/exit_code.h"
#include "launch/commands/commands.h"
#include "launch/new/new_kind.h"

namespace ringtrain {

void add_new_command(CLI::App& app, Program& program) {
  const auto wanted = std::make_shared<NewKind>();
  auto* command = app.add_subcommand(
      "new", "Write a folder with a model, data, a loss or a callback of your own, ready to be built.");
  command->add_option("KIND", wanted->what, "model, dataset, task or callback")->required();
  command->add_option("NAME", wanted->name, "Of the kind, as configurations will name it: two_towers")
      ->required();
  command->add_flag("--program", wanted->program,
                    "A program of its own, the whole command with the kind, in place of a plugin");
  command->add_option("--folder", wanted->folder, "The folder to write (NAME)")->type_name("FOLDER");
  command->footer(
      "Examples:\n"
      "  ringtrain new model two_towers\n"
      "  ringtrain new dataset sensor_files --folder plugins/sensor_files\n"
      "  ringtrain new task by_ratio --program\n"
      "  ringtrain new callback goal\n"
      "The folder builds, trains on two ranks and passes its own test as it is. It never writes over one "
      "that is "
      "there. TwoTowers and two-towers are called two_towers.");
  command->callback([wanted, &program] {
    const auto written = write_new_kind(*wanted, program.catalogue, program.name);
    if (written.name != wanted->name) fmt::print("'{}' is called {} here.\n", wanted->name, written.name);
    fmt::print("Written {}, {} files. Begin with {}.h. To build, to test, and to train:\n\n{}",
               written.folder, written.files.size(), written.name, written.next);
    program.exit_code = ExitCode::success;
  });
}

}  // namespace ringtrain
