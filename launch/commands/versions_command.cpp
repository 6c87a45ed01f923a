#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/errors.h"
#include "common/exit_code.h"
#include "launch/commands/commands.h"
#ifdef RINGTRAIN_HAS_SERVER
#include "launch/commands/versions_rollout.h"
#endif
#include "serving/repository/model_repository.h"
#include "serving/repository/version_changes.h"
#include "storage/location.h"

namespace ringtrain {
namespace {

struct Arguments {
  std::string model, version, label, policy;
  bool force = false;

  std::int64_t number() const {
    if (const auto number = version_number(version)) return *number;
    const auto present = versions(model);
    throw ConfigError(
        fmt::format("VERSION: expected a version's number such as 3, got '{}'; {} {}", version, model,
                    present.empty() ? "holds no version" : fmt::format("has: {}", fmt::join(present, ", "))));
  }
};

/// Adds a verb whose first argument is the model.
CLI::App* add_verb(CLI::App& versions, const std::shared_ptr<Arguments>& arguments, const char* name,
                   const char* doc) {
  auto* verb = versions.add_subcommand(name, doc);
  verb->add_option("MODEL", arguments->model, "The model's folder, BASE/NAME")
      ->required()
      ->check([](const std::string& model) {
        return is_remote(model)
                   ? "the versions of a model in an object store are not changed there; change them here "
                     "and copy versions.json"
                   : std::string();
      });
  return verb;
}

void add_number(CLI::App& verb, const std::shared_ptr<Arguments>& arguments) {
  verb.add_option("VERSION", arguments->version, "The version's number")->required();
}

}  // namespace

void add_versions_command(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<Arguments>();
  auto* command =
      app.add_subcommand("versions", "Say which versions of a model are served, and which one is live.");
#ifdef RINGTRAIN_HAS_SERVER
  command->require_subcommand(0, 1);
  add_rollout_verbs(*command, program);
#else
  command->require_subcommand(1);
#endif
  const auto done = [&program](const std::string& text) {
    fmt::print("{}\n", text);
    program.exit_code = ExitCode::success;
  };
  auto* promoted =
      add_verb(*command, arguments, "promote", "Make a version live: it answers who names none.");
  add_number(*promoted, arguments);
  promoted->callback([=] {
    promote(arguments->model, arguments->number());
    done(fmt::format("version {} is live", arguments->version));
  });
  add_verb(*command, arguments, "rollback", "Make the version live that was so before.")->callback([=] {
    done(fmt::format("version {} is live again", roll_back(arguments->model)));
  });
  auto* labelled = add_verb(*command, arguments, "label", "Give a version a label, such as canary.");
  labelled->add_option("LABEL", arguments->label)->required();
  add_number(*labelled, arguments);
  labelled->callback([=] {
    set_label(arguments->model, arguments->label, arguments->number());
    done(fmt::format("version {} is {}", arguments->version, arguments->label));
  });
  auto* unlabelled = add_verb(*command, arguments, "unlabel", "Remove a label.");
  unlabelled->add_option("LABEL", arguments->label)->required();
  unlabelled->callback([=] {
    remove_label(arguments->model, arguments->label);
    done(fmt::format("no version is {} any more", arguments->label));
  });
  auto* policy =
      add_verb(*command, arguments, "policy", "Which versions a server loads beside the live one.");
  policy->add_option("POLICY", arguments->policy, "latest, latest:N, all or specific:1,3")->required();
  policy->callback([=] {
    set_policy(arguments->model, arguments->policy);
    done(fmt::format("the policy is {}", arguments->policy));
  });
  auto* deleted = add_verb(*command, arguments, "delete", "Remove a version.");
  add_number(*deleted, arguments);
  deleted->add_flag("--force", arguments->force, "Also one that is live or has a label");
  deleted->callback([=] {
    delete_version(arguments->model, arguments->number(), arguments->force);
    done(fmt::format("version {} is deleted", arguments->version));
  });
  command->footer(
      "Examples:\n"
      "  ringtrain versions promote models/fraud 3\n"
      "  ringtrain versions rollback models/fraud\n"
      "  ringtrain versions label models/fraud canary 4\n"
      "  ringtrain versions policy models/fraud latest:2\n"
      "  ringtrain versions canary models/fraud 4 --plan \"5% 10m, 100%\"\n"
      "  ringtrain versions models/fraud\n"
      "Kept in BASE/NAME/versions.json; `ringtrain serve` follows it while it runs, and config.pbtxt tells "
      "Triton.");
}

}  // namespace ringtrain
