#include <fmt/format.h>
#include <unistd.h>

#include "common/errors.h"
#include "common/exit_code.h"
#include "common/literal_override.h"
#include "common/progress.h"
#include "common/text.h"
#include "data/profile/table_profile.h"
#include "launch/behaviour/behaviour_run.h"
#include "launch/check_codes.h"
#include "launch/commands/commands.h"
#include "launch/findings_table.h"
#include "trainer/checks/check.h"
#include "trainer/checks/rate_test.h"
#include "trainer/checks/session.h"

namespace ringtrain {
namespace {

struct Arguments {
  std::string config, train_file;
  std::vector<std::string> overrides, only, skip;
  bool as_json = false, lr_range = false;

  void add_to(CLI::App& command) {
    command.add_option("CONFIG", config, "Configuration, YAML (see `ringtrain config`)")->required();
    command.add_option("--set", overrides, "Override a field, as in `train`: --set trainer.optimizer.lr=0.1")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    command.add_option("--train-file", train_file, "Check with this file (data.train_file)");
    command.add_flag("--json", as_json, "As JSON");
  }
  RunConfig read(const Catalogue& catalogue) const {
    if (is_table_file(config))
      throw ConfigError(fmt::format(
          "{} is data, and a configuration is checked: `ringtrain init {} --target COLUMN` writes one for it",
          config, config));
    auto all = overrides;
    if (!train_file.empty()) all.push_back(config::literal_override("data.train_file", train_file));
    return RunConfig::load(config, all, catalogue);
  }
};

std::string head_of(const checks::Session& session) {
  const auto& data = session.data();
  return fmt::format("ringtrain check: {} {}, {} training, {} validation, {} test samples\n\n",
                     session.config().model.type, session.config().name, with_commas(data.train->size()),
                     with_commas(data.validation->size()), with_commas(data.test->size()));
}

/// Returns whether something lowers the loss.
bool show_rates(const Arguments& arguments, const checks::Session& session, const checks::RateTest& test) {
  const double rate = session.config().trainer.optimizer.lr;
  if (arguments.as_json) {
    auto curve = nlohmann::ordered_json::array();
    for (const auto& point : test.curve) curve.push_back({{"lr", point.rate}, {"loss", point.loss}});
    const auto number = [](double value) { return value > 0 ? nlohmann::ordered_json(value) : nullptr; };
    const nlohmann::ordered_json all{{"configured", rate},
                                     {"moves", number(test.moves)},
                                     {"best", number(test.best)},
                                     {"diverges", number(test.diverges)},
                                     {"advised", number(test.moves > 0 ? test.advised() : 0)},
                                     {"curve", curve}};
    fmt::print("{}\n", all.dump(1));
    return test.moves > 0;
  }
  fmt::print("{}\n", test.picture(rate));
  fmt::print("  configured   {:.2g} (the line of colons)\n", rate);
  if (test.moves == 0) {
    fmt::print("  no learning rate lowers the loss\n");
    return false;
  }
  fmt::print("  moves from   {:.1e}\n  lowest loss  {:.1e}\n", test.moves, test.best);
  fmt::print("{}", test.diverges > 0 ? fmt::format("  diverges at  {:.1e}\n", test.diverges) : "");
  fmt::print("  advised      {:.1g}\n", test.advised());
  return true;
}

/// Whether the tests of the configuration fit the model that it would train. They are run on a trained one.
Finding tests_finding(checks::Session& session) {
  Manifest manifest;
  manifest.name = session.config().name;
  manifest.task = session.config().task.type;
  manifest.preprocessing = session.data().preprocessing;
  manifest.head = session.subject().task().head();
  const auto& tests = session.config().tests;
  try {
    require_fitting_tests(tests, manifest, session.config().task.kind());
  } catch (const ConfigError& problem) {
    return bad("tests", problem.what(), "Mend the names in `tests`; training would refuse them too.");
  }
  return good("tests", fmt::format("{} of the model's behaviour, whose columns, values, metrics and files "
                                   "there are; they run when it is exported",
                                   tests.size()));
}

int check(const Arguments& arguments, const Catalogue& catalogue) {
  auto chosen = checks::all_checks();
  checks::choose(chosen, arguments.only, arguments.skip);
  const StopSignal signal;
  World world;
  checks::Session session(world, arguments.read(catalogue), signal);
  if (arguments.lr_range) {
    const bool moves = show_rates(arguments, session, checks::test_rates(session.subject()));
    world.close();
    return moves ? CheckCode::good : CheckCode::bad;
  }
  Progress progress("check", static_cast<std::int64_t>(chosen.size()));
  std::int64_t done = 0;
  auto findings =
      checks::run_checks(chosen, session.subject(), [&](const checks::Check&) { progress.update(done++); });
  progress.finish();
  if (!session.config().tests.empty()) findings.push_back(tests_finding(session));
  if (arguments.as_json) {
    fmt::print("{}\n", findings_json(findings).dump(1));
  } else {
    constexpr std::size_t kWidth = 100;
    fmt::print("{}{}", head_of(session),
               findings_table(findings, {.colour = ::isatty(STDOUT_FILENO) == 1, .width = kWidth}));
  }
  world.close();
  return code_of(findings);
}

std::string list_of_checks() {
  std::string text = "Checks, in a row (! also before each training, as warnings of the log):\n";
  for (const auto& one : checks::all_checks())
    text += fmt::format("  {:<14}{} {}\n", one->name(), one->is_cheap() ? "!" : " ", one->doc());
  return text;
}

}  // namespace

void add_check_command(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand(
      "check",
      "Look for mistakes that do not crash, before a long run: in the data, the model, the settings.");
  arguments->add_to(*command);
  command->add_option("--only", arguments->only, "These checks alone: --only leak,drift")
      ->type_name("NAME[,NAME]")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--skip", arguments->skip, "All but these")
      ->type_name("NAME[,NAME]")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_flag("--lr-range", arguments->lr_range, "The curve of a learning-rate test, and nothing else");
  command->footer(list_of_checks() +
                  "Examples:\n"
                  "  ringtrain check configs/cancer.yaml\n"
                  "  ringtrain check configs/fraud.yaml --skip baseline,learning_rate --json\n"
                  "  ringtrain check configs/mnist.yaml --lr-range\n"
                  "Exit code 0: all is good, 1: warnings, 2: something is bad, 64: the command line or the "
                  "configuration is wrong; others: docs/errors.md. It writes no files.");
  command->callback([arguments, &program] {
    program.exit_code = with_check_codes([&] { return check(*arguments, program.catalogue); });
  });

  auto range = std::make_shared<Arguments>();
  range->lr_range = true;
  auto* of_range =
      app.add_subcommand("lr-range", "A learning-rate test: the loss by a rate that rises in each step.");
  range->add_to(*of_range);
  of_range->footer(
      "Examples:\n"
      "  ringtrain lr-range configs/mnist.yaml\n"
      "Exit code 0, or 2 where no learning rate lowers the loss; 64: as `check`.");
  of_range->callback([range, &program] {
    program.exit_code = with_check_codes([&] { return check(*range, program.catalogue); });
  });
}

}  // namespace ringtrain
