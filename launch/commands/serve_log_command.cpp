#include "launch/commands/serve_log_command.h"

#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "common/errors.h"
#include "common/exit_code.h"
#include "common/text.h"
#include "serving/log/log_export.h"
#include "serving/log/log_summary.h"

namespace ringtrain {
namespace {

void show(const std::string& folder, bool as_json) {
  const auto list = summarize_log(folder);
  if (as_json) {
    auto rows = nlohmann::ordered_json::array();
    for (const auto& one : list)
      rows.push_back({{"model", one.model},
                      {"version", one.version == 0 ? nlohmann::ordered_json("feedback")
                                                   : nlohmann::ordered_json(one.version)},
                      {"rows", one.rows},
                      {"dropped", one.dropped},
                      {"files", one.files},
                      {"bytes", one.bytes},
                      {"first", one.first},
                      {"last", one.last}});
    std::cout << rows.dump(2) << '\n';
    return;
  }
  fmt::print("{:<20} {:>8} {:>12} {:>9} {:>6} {:>10}  {:<24} {}\n", "MODEL", "VERSION", "ROWS", "DROPPED",
             "FILES", "SIZE", "FROM", "TO");
  for (const auto& one : list)
    fmt::print("{:<20} {:>8} {:>12} {:>9} {:>6} {:>10}  {:<24} {}\n", one.model,
               one.version == 0 ? "feedback" : std::to_string(one.version), with_commas(one.rows),
               with_commas(one.dropped), one.files, human_bytes(static_cast<double>(one.bytes)), one.first,
               one.last);
}

UtcTime time_of(const std::string& option, const std::string& text) {
  const auto time = utc_of(text);
  if (!time)
    throw ConfigError(fmt::format("{}: expected a time such as 2026-01-05 or 2026-01-05T12:00:03Z, got '{}'",
                                  option, text));
  return *time;
}

struct ExportArguments {
  LogExport wanted;
  std::string folder, output, from, to;
  std::int64_t version = 0, feedback_days = 30;
};

void export_rows(ExportArguments& arguments) {
  auto& wanted = arguments.wanted;
  wanted.folder = arguments.folder;
  if (arguments.version > 0) wanted.version = arguments.version;
  if (!arguments.from.empty()) wanted.from = time_of("--from", arguments.from);
  if (!arguments.to.empty()) wanted.to = time_of("--to", arguments.to);
  wanted.feedback_limit = std::chrono::hours(24 * arguments.feedback_days);
  const auto counts = export_log(wanted, arguments.output);
  fmt::print("{}: {} rows, {} with a label\n", arguments.output, with_commas(counts.rows),
             with_commas(counts.labelled));
  fmt::print(
      "Feedback: {} joined ({} replaced by later ones), {} early, {} later than {} days, {} to no row that "
      "was "
      "kept\n",
      with_commas(counts.joined), with_commas(counts.replaced), with_commas(counts.early),
      with_commas(counts.late), arguments.feedback_days, with_commas(counts.unknown));
}

void add_show(CLI::App& parent, Program& program) {
  auto folder = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  auto* command = parent.add_subcommand("show", "What a log holds: rows, versions, time, what was dropped.");
  command->add_option("FOLDER", *folder, "The log.folder of the server")->required();
  command->add_flag("--json", *json, "As JSON");
  command->footer("Example:\n  ringtrain serve-log show logs/fraud");
  command->callback([folder, json, &program] {
    show(*folder, *json);
    program.exit_code = ExitCode::success;
  });
}

void add_export(CLI::App& parent, Program& program) {
  auto arguments = std::make_shared<ExportArguments>();
  auto* command = parent.add_subcommand("export", "The rows with their answers and labels, as one file.");
  command->add_option("FOLDER", arguments->folder, "The log.folder of the server")->required();
  command->add_option("--output", arguments->output, "The file to write: CSV, or .parquet")->required();
  command->add_option("--model", arguments->wanted.model, "The model, where the log has several");
  command->add_option("--version", arguments->version, "What this version answered alone")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000}));
  command->add_option("--from", arguments->from,
                      "Requests from this time on: 2026-01-05T12:00:03Z, 2026-01-05");
  command->add_option("--to", arguments->to, "Requests before this time");
  command->add_flag("--labelled", arguments->wanted.labelled_only, "Rows with a label alone");
  command
      ->add_option("--feedback-days", arguments->feedback_days,
                   "How long after a request its label may be true (30)")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{36500}));
  command->footer(
      "Examples:\n"
      "  ringtrain serve-log export logs/fraud --output answered.parquet\n"
      "  ringtrain serve-log export logs/fraud --labelled --from 2026-01-01 --output january.csv\n"
      "  ringtrain evaluate models/fraud@live january.csv");
  command->callback([arguments, &program] {
    export_rows(*arguments);
    program.exit_code = ExitCode::success;
  });
}

}  // namespace

void add_serve_log_command(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand("serve-log", "What a server was asked, answered, and came to know.");
  command->require_subcommand(1);
  add_show(*command, program);
  add_export(*command, program);
  command->footer(
      "Examples:\n"
      "  ringtrain serve-log show logs/fraud\n"
      "  ringtrain serve-log export logs/fraud --output answered.csv");
}

}  // namespace ringtrain
