#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "common/errors.h"
#include "common/files.h"
#include "common/progress.h"
#include "common/text.h"
#include "launch/check_codes.h"
#include "launch/commands/remote_model.h"
#include "launch/commands/row_commands.h"
#include "launch/drift/comparison.h"
#include "launch/drift/drift_page.h"
#include "launch/findings_table.h"
#ifdef RINGTRAIN_HAS_SERVER
#include "serving/log/logged_rows.h"
#endif

namespace ringtrain {
namespace {

struct Arguments {
  std::string model, data, reference, html;
  std::int64_t window = 0;
  drift::Limits limits;
  bool as_json = false;
};

/// "0.1,0.25".
void add_limit(CLI::App& command, const std::string& name, drift::Limit& limit, const std::string& doc) {
  command
      .add_option_function<std::vector<double>>(
          name,
          [&limit](const std::vector<double>& given) {
            limit = {given.at(0), given.at(1)};
          },
          doc)
      ->type_name("WARNING,BAD")
      ->delimiter(',')
      ->expected(2)
      ->default_str(fmt::format("{},{}", limit.warning, limit.bad))
      ->check([](const std::string& text) {
        return text.starts_with('-') ? std::string("expected numbers from 0 on") : std::string();
      });
}

void require_rising(const Arguments& arguments) {
  const auto& all = arguments.limits;
  for (const auto& [name, limit] : {std::pair{"--psi", all.stability},
                                    {"--ks", all.smirnov},
                                    {"--js", all.shannon},
                                    {"--missing", all.missing},
                                    {"--unseen", all.unseen},
                                    {"--outside", all.outside}})
    if (limit.warning > limit.bad)
      throw ConfigError(fmt::format("{}: {} is a warning and {} is bad; the smaller one comes first", name,
                                    limit.warning, limit.bad));
}

std::string windows_text(const drift::ErrorCourse& course) {
  if (course.windows.empty()) return "";
  std::string text = fmt::format("\n  {:<20}", "rows");
  for (const auto& name : course.metrics) text += fmt::format(" {:>12}", name);
  text += "\n";
  for (const auto& window : course.windows) {
    text +=
        fmt::format("  {:<20}", fmt::format("{} to {}", with_commas(window.first), with_commas(window.last)));
    for (const auto& name : course.metrics) {
      const auto value = window.report.find(name);
      text += value ? fmt::format(" {:>12.6f}", *value) : fmt::format(" {:>12}", "-");
    }
    text += "\n";
  }
  return text;
}

std::string head_of(const drift::Comparison& all) {
  const auto then = all.reference.empty()
                        ? fmt::format("{} rows that it was trained on", with_commas(all.profile.rows))
                        : fmt::format("{} rows of {}", with_commas(all.profile.rows), all.reference);
  return fmt::format("ringtrain drift: {}, {} rows of {} against {}\n\n", all.model, with_commas(all.rows),
                     all.data, then);
}

/// Of what takes long.
void show(std::optional<Progress>& progress, const drift::ModelRows& rows) {
  constexpr std::int64_t kMiB = 1 << 20;
  if (rows.all_bytes() < 4 * kMiB) return;
  if (!progress) progress.emplace("MiB", rows.all_bytes() / kMiB);
  progress->update(std::min(rows.bytes(), rows.all_bytes()) / kMiB,
                   fmt::format("{} rows", with_commas(rows.rows())));
}

int look(const Arguments& arguments, const Catalogue& catalogue) {
  require_rising(arguments);
  at::set_num_threads(1);
  const Predictor predictor(local_model(arguments.model));
  drift::Request request{.predictor = predictor,
                         .catalogue = catalogue,
                         .data = arguments.data,
                         .reference = arguments.reference,
                         .window = arguments.window,
                         .limits = arguments.limits};
#ifdef RINGTRAIN_HAS_SERVER
  std::optional<LoggedRows> log;
  if (is_request_log(arguments.data)) {
    log.emplace(arguments.data, predictor.manifest());
    request.data = log->file().string();
    request.logged = log->answers();
  }
#endif
  std::optional<Progress> progress;
  auto all = drift::compare(request, [&progress](const drift::ModelRows& rows) { show(progress, rows); });
  all.data = arguments.data;
  if (progress) progress->finish();
  const auto findings = all.findings();
  if (arguments.as_json) {
    fmt::print("{}\n", all.to_json().dump(1));
  } else {
    constexpr std::size_t kWidth = 100;
    fmt::print("{}{}", head_of(all),
               findings_table(findings, {.colour = ::isatty(STDOUT_FILENO) == 1, .width = kWidth}));
    if (all.course) fmt::print("{}", windows_text(*all.course));
  }
  if (!arguments.html.empty()) {
    write_file_atomically(arguments.html, drift::page_of(all));
    if (!arguments.as_json) fmt::print("\nThe page is in {}\n", arguments.html);
  }
  return code_of(findings);
}

void add_limits(CLI::App& command, drift::Limits& limits) {
  add_limit(command, "--psi", limits.stability, "Population stability index of numbers (Siddiqi 2006)");
  add_limit(command, "--ks", limits.smirnov, "Kolmogorov-Smirnov statistic of numbers");
  add_limit(command, "--js", limits.shannon, "Jensen-Shannon distance of words");
  add_limit(command, "--missing", limits.missing, "Difference of the shares of missing values");
  add_limit(command, "--unseen", limits.unseen, "Share of words that training did not see");
  add_limit(command, "--outside", limits.outside, "Share of numbers out of the range of training");
}

}  // namespace

void add_drift_command(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand(
      "drift", "Hold new rows against those that a model learned from: inputs, answers, and errors.");
  command
      ->add_option("MODEL", arguments->model,
                   "The exported model: BASE/NAME (its newest version), BASE/NAME/VERSION, BASE/NAME@live")
      ->required();
  command
      ->add_option(
          "DATA", arguments->data,
          "Rows, a file or a folder of files: .csv, .parquet, .jsonl, .ndjson, .json; with the "
          "target's column the errors are looked at, too, in the order of the rows. Or the log.folder of "
          "`ringtrain serve`: the rows that this version answered")
      ->required();
  command
      ->add_option("--reference", arguments->reference,
                   "Compare with these rows, in place of the profile that the export has")
      ->type_name("DATA");
  command
      ->add_option("--window", arguments->window,
                   "Metrics are shown of so many rows each (a tenth of all, 100 at least)")
      ->type_name("ROWS")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
  command->add_option("--html", arguments->html, "Write a page with pictures of all columns")
      ->type_name("FILE");
  command->add_flag("--json", arguments->as_json, "As JSON, with the counts of all bins and words");
  add_limits(*command, arguments->limits);
  command->footer(
      "Examples:\n"
      "  ringtrain drift jobs/fraud/export/fraud july.csv\n"
      "  ringtrain drift models/fraud@live requests/ --html drift.html\n"
      "  ringtrain drift models/fraud@live logs\n"
      "  ringtrain drift models/fraud@live july.csv --reference june.csv --psi 0.2,0.4\n"
      "Exit code 0: all is good, 1: warnings, 2: something is bad, 64: the command line or the model is "
      "wrong; others: docs/errors.md. Each limit is a warning's and what is bad; what chance alone makes of "
      "so few rows is no drift.");
  command->callback([arguments, &program] {
    program.exit_code = with_check_codes([&] { return look(*arguments, program.catalogue); });
  });
}

}  // namespace ringtrain
