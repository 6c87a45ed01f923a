#include "trainer/checks/check.h"

#include <ATen/core/Generator.h>
#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "common/exit_code.h"
#include "common/text.h"
#include "trainer/checks/built_in_checks.h"

namespace ringtrain::checks {
namespace {

bool holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string reason_of_check(const std::exception& error) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  return torch_error ? torch_error->what_without_backtrace() : error.what();
}

}  // namespace

Checks all_checks() {
  Checks all;
  for (const auto make :
       {leak_check, duplicates_check, row_order_check, columns_check, classes_check, drift_check,
        labels_check, settings_check, start_loss_check, gradients_check, independence_check, inputs_check,
        evaluation_check, one_batch_check, learning_rate_check, baseline_check})
    all.push_back(make());
  return all;
}

void choose(Checks& checks, const std::vector<std::string>& only, const std::vector<std::string>& skip) {
  std::vector<std::string> known, problems;
  for (const auto& check : checks) known.push_back(check->name());
  for (const auto& [option, names] : {std::pair{"--only", &only}, {"--skip", &skip}})
    for (const auto& name : *names)
      if (!holds(known, name))
        problems.push_back(
            fmt::format("{}: there is no check '{}'.{}", option, name, did_you_mean(name, known)));
  if (!problems.empty())
    throw ConfigError(fmt::format("{} There are: {}", join(problems, "\n  "), join(known)));
  std::erase_if(checks, [&](const auto& check) {
    return holds(skip, check->name()) || (!only.empty() && !holds(only, check->name()));
  });
}

Findings run_checks(const Checks& checks, Subject& subject, const std::function<void(const Check&)>& about) {
  Findings findings;
  for (const auto& check : checks) {
    if (about) about(*check);
    try {
      findings.push_back(check->run(subject));
    } catch (const Error& error) {
      if (error.exit_code() == ExitCode::stopped) throw;
      findings.push_back(bad(check->name(), fmt::format("it failed: {}", error.what()),
                             "training will meet the same: mend what is named"));
    } catch (const std::exception& error) {
      findings.push_back(bad(check->name(), fmt::format("it failed: {}", reason_of_check(error)),
                             "look where the model or the loss throws this"));
    }
  }
  return findings;
}

Findings findings_before_training(const Subject::Run& run) {
  constexpr std::int64_t kMostCells = 2'000'000;
  try {
    Checks cheap = all_checks();
    // Trainer gives that advice itself, and keeps it in the log of the run.
    std::erase_if(cheap, [](const auto& check) { return !check->is_cheap() || check->name() == "settings"; });
    Subject subject(run, run.data.order.blocks.empty() ? kMostCells : 0);
    Findings findings = run_checks(cheap, subject);
    std::erase_if(findings, [](const Finding& one) {
      return one.level == Finding::Level::good || one.level == Finding::Level::skipped;
    });
    return findings;
  } catch (const std::exception&) {  // the first step says what is wrong
    return {};
  }
}

}  // namespace ringtrain::checks
