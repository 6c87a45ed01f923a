#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <memory>

#include "common/exit_code.h"
#include "launch/commands/commands.h"
#include "launch/report/report.h"

namespace ringtrain {
namespace {

struct Arguments {
  std::vector<std::string> runs;
  std::string output;
};

int write(const Arguments& arguments, const Catalogue& catalogue) {
  at::set_num_threads(1);
  const std::vector<std::filesystem::path> folders(arguments.runs.begin(), arguments.runs.end());
  fmt::print("{}\n", report::write_report(folders, arguments.output, catalogue, {}).string());
  return ExitCode::success;
}

}  // namespace

void add_report_command(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand(
      "report", "Write one HTML page about a run, or about several: curves, answers, data, settings.");
  command->add_option("RUN", arguments->runs, "Job folders; of several their curves lie over each other")
      ->required();
  command
      ->add_option("--output", arguments->output,
                   "The file; else RUN/report.html, or report.html here where there are several runs")
      ->type_name("F");
  command->footer(
      "Examples:\n"
      "  ringtrain report jobs/fraud\n"
      "  ringtrain report jobs/fraud jobs/fraud-wide --output compared.html\n"
      "The page needs no network, and says itself what it shows. docs/report.md.");
  command->callback([arguments, &program] { program.exit_code = write(*arguments, program.catalogue); });
}

}  // namespace ringtrain
