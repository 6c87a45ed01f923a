#include "launch/commands/versions_rollout.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/errors.h"
#include "common/exit_code.h"
#include "common/text.h"
#include "serving/repository/manifest.h"
#include "serving/repository/model_repository.h"
#include "serving/repository/version_state.h"
#include "serving/rollout/decisions.h"
#include "serving/rollout/rollout_changes.h"
#include "serving/rollout/rollout_text.h"
#include "storage/location.h"

namespace ringtrain {
namespace {

struct RolloutArguments {
  std::string model, version, plan, key, errors = "1%", alarms = "1%";
  RolloutRules rules;
  bool stop = false, json = false;
};

std::string local_folder(const std::string& model) {
  if (is_remote(model))
    throw ConfigError(fmt::format(
        "{}: a version is tried by a server that can write beside it; copy the model here", model));
  return model;
}

std::int64_t number_of(const RolloutArguments& arguments) {
  if (const auto number = version_number(arguments.version)) return *number;
  const auto present = versions(arguments.model);
  throw ConfigError(
      fmt::format("VERSION: {}; {} {}",
                  arguments.version.empty()
                      ? "it is missing"
                      : fmt::format("expected a version's number such as 3, got '{}'", arguments.version),
                  arguments.model,
                  present.empty() ? "holds no version" : fmt::format("has: {}", fmt::join(present, ", "))));
}

/// A key may be a column that the model does not take: only a slip of the pen is worth a word.
std::string word_about_key(const Rollout& rollout, const std::string& model) {
  if (rollout.key.empty()) return "";
  const auto preprocessing =
      Manifest::read(std::filesystem::path(model) / std::to_string(rollout.live)).preprocessing;
  std::vector<std::string> known;
  for (const auto& column : preprocessing.numeric) known.push_back(column.column());
  for (const auto& column : preprocessing.categorical) known.push_back(column.name);
  if (std::find(known.begin(), known.end(), rollout.key) != known.end()) return "";
  return fmt::format("\n'{}' is no column of the model: requests are to have it as a field of their own.{}",
                     rollout.key, did_you_mean(rollout.key, known));
}

Rollout wanted_rollout(Rollout::Kind kind, RolloutArguments arguments) {
  Rollout wanted;
  wanted.kind = kind;
  wanted.version = number_of(arguments);
  if (kind == Rollout::Kind::shadow) return wanted;
  std::vector<std::string> problems;
  const auto read = [&](const auto& field) {
    try {
      field();
    } catch (const ConfigError& error) {
      problems.emplace_back(error.what());
    }
  };
  if (arguments.plan.empty())
    problems.emplace_back("--plan is missing, such as --plan \"5% 10m, 25% 30m, 100%\"");
  else
    read([&] { wanted.plan = parse_plan(arguments.plan); });
  read([&] { arguments.rules.errors = parse_share(arguments.errors, "--errors"); });
  read([&] { arguments.rules.alarms = parse_share(arguments.alarms, "--alarms"); });
  if (!(arguments.rules.p99 >= 1)) problems.emplace_back("--p99: expected a factor from 1 on");
  if (!(arguments.rules.distance > 0)) problems.emplace_back("--distance: expected a number above 0");
  if (arguments.rules.min_requests < 1) problems.emplace_back("--min-requests: expected a number from 1 on");
  if (!problems.empty()) throw ConfigError(join(problems, "\n  "));
  wanted.key = arguments.key;
  wanted.rules = arguments.rules;
  return wanted;
}

std::string change(Rollout::Kind kind, const RolloutArguments& arguments) {
  const auto model = local_folder(arguments.model);
  if (arguments.stop) {
    const auto ended = stop_rollout(model, kind);
    return fmt::format("version {} is no {} any more; version {} is live", ended.version, ended.kind_name(),
                       ended.live);
  }
  const auto begun = begin_rollout(model, wanted_rollout(kind, arguments));
  if (!begun.is_canary())
    return fmt::format("version {} is a shadow of version {}: servers give it a copy of the requests",
                       begun.version, begun.live);
  return fmt::format("version {} is a canary beside version {}: {}{}", begun.version, begun.live,
                     plan_text(begun.plan), word_about_key(begun, model));
}

std::string text_of_model(const RolloutArguments& arguments) {
  const auto model = local_folder(arguments.model);
  const auto present = versions(model);
  if (present.empty()) resolve_version(model);  // throws, and says what is missing
  const auto live = VersionState::read(model).live_of(present);
  const auto rollout = Rollout::read(model);
  const auto last = last_decision(model);
  if (arguments.json) {
    nlohmann::ordered_json json{{"versions", present}};
    if (live) json["live"] = *live;
    if (rollout) json["rollout"] = summary_of(*rollout);
    if (last) json["last_decision"] = *last;
    return json.dump(2);
  }
  auto text = fmt::format("{}; there {}: {}\n",
                          live ? fmt::format("version {} is live", *live) : "no version is live",
                          present.size() == 1 ? "is" : "are", fmt::join(present, ", "));
  if (rollout)
    text += rollout_text(*rollout);
  else if (last)
    text += decision_text(*last) + "\n";
  text.pop_back();
  return text;
}

CLI::App* add_rollout_verb(CLI::App& versions, const std::shared_ptr<RolloutArguments>& arguments,
                           Program& program, Rollout::Kind kind, const char* name, const char* doc) {
  auto* verb = versions.add_subcommand(name, doc);
  verb->add_option("MODEL", arguments->model, "The model's folder, BASE/NAME")->required();
  auto* version = verb->add_option("VERSION", arguments->version, "The number of the version to try");
  verb->add_flag("--stop", arguments->stop, "End it; the live version stays so")->excludes(version);
  verb->callback([=, &program] {
    fmt::print("{}\n", change(kind, *arguments));
    program.exit_code = ExitCode::success;
  });
  return verb;
}

}  // namespace

void add_rollout_verbs(CLI::App& versions, Program& program) {
  const auto arguments = std::make_shared<RolloutArguments>();
  add_rollout_verb(versions, arguments, program, Rollout::Kind::shadow, "shadow",
                   "Let a version answer a copy of the live traffic, unseen by clients.")
      ->footer(
          "Examples:\n"
          "  ringtrain versions shadow models/fraud 3\n"
          "  ringtrain versions models/fraud\n"
          "  ringtrain versions shadow models/fraud --stop\n");
  auto* canary = add_rollout_verb(versions, arguments, program, Rollout::Kind::canary, "canary",
                                  "Let a version answer a growing share of the live traffic.");
  canary->add_option("--plan", arguments->plan,
                     "Shares and how long each lasts, such as 5% 10m, 25% 30m, 100%");
  canary->add_option("--key", arguments->key,
                     "A column or field of the requests: equal values stay on one side (without it the "
                     "requests' ids choose)");
  canary->add_option("--errors", arguments->errors, "Back where more of its answers fail (1%)");
  canary->add_option("--p99", arguments->rules.p99,
                     "Back where its 99% quantile of seconds is so many times the live one's (2)");
  canary->add_option("--distance", arguments->rules.distance,
                     "Back where its scores are farther from the live one's, by PSI (0.25)");
  canary->add_option("--alarms", arguments->alarms,
                     "Share of false alarms of the test of feedback, over the plan (1%)");
  canary->add_option("--min-requests", arguments->rules.min_requests,
                     "Requests of a side before a rule counts or a stage ends (200)");
  canary->footer(
      "Examples:\n"
      "  ringtrain versions canary models/fraud 3 --plan \"5% 10m, 25% 30m, 100%\" --key customer\n"
      "  ringtrain versions models/fraud\n"
      "  ringtrain versions canary models/fraud --stop\n"
      "The plan and its progress are kept in BASE/NAME/rollout.json, decisions in "
      "BASE/NAME/decisions.jsonl;\n"
      "`ringtrain serve` follows them while it runs.");
  auto* model =
      versions.add_option("MODEL", arguments->model, "A model's folder: how far a version is that is tried");
  versions.add_flag("--json", arguments->json, "Without a verb: as JSON");
  versions.callback([=, &versions, &program] {
    if (!versions.get_subcommands().empty()) return;
    if (model->count() == 0)
      throw ConfigError("a verb or a model is missing; `ringtrain versions --help` lists the verbs");
    fmt::print("{}\n", text_of_model(*arguments));
    program.exit_code = ExitCode::success;
  });
}

}  // namespace ringtrain
