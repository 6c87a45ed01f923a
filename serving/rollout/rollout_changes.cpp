#include "serving/rollout/rollout_changes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/errors.h"
#include "common/files.h"
#include "common/text.h"
#include "serving/log/utc_time.h"
#include "serving/predict/predictor.h"
#include "serving/repository/model_lock.h"
#include "serving/repository/model_repository.h"
#include "serving/repository/version_changes.h"
#include "serving/rollout/decisions.h"
#include "serving/rollout/same_ports.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

std::string stop_command(const fs::path& model, const Rollout& rollout) {
  return fmt::format("`ringtrain versions {} {} --stop`", rollout.kind_name(), model.string());
}

void require_none(const fs::path& model) {
  if (const auto other = Rollout::read(model))
    throw ConfigError(fmt::format("{}: version {} is a {} already, since {}; {} ends it", model.string(),
                                  other->version, other->kind_name(), other->begun,
                                  stop_command(model, *other)));
}

/// The live version. Throws unless `version` is there and another one.
std::int64_t require_other(const fs::path& model, std::int64_t version) {
  const auto present = versions(model);
  if (present.empty()) resolve_version(model);  // throws, and says what is missing
  if (std::find(present.begin(), present.end(), version) == present.end())
    throw ExportError(fmt::format("{}: there is no version {}; there are: {}", model.string(), version,
                                  fmt::join(present, ", ")));
  const auto state = VersionState::read(model);
  const auto live = state.live_of(present);
  if (!live)
    throw ExportError(
        fmt::format("{}: no version is live; `ringtrain versions promote` makes one so", model.string()));
  if (*live == version)
    throw ConfigError(fmt::format(
        "{}: version {} is live already{}; `ringtrain versions promote {} N` makes another one live first",
        model.string(), version,
        state.live ? "" : ", as the newest one is where no version was promoted before", model.string()));
  return *live;
}

void require_fit(const fs::path& model, std::int64_t version, std::int64_t live) {
  const auto folder = model / std::to_string(version);
  require_whole(folder);
  require_whole(model / std::to_string(live));  // it is pinned; servers have another one where it is broken
  const Predictor candidate(folder.string());   // throws where it cannot be loaded
  const auto other = Manifest::read(model / std::to_string(live));
  const auto differences = differences_of_ports(
      candidate.manifest(), other, fmt::format("version {}", version), fmt::format("version {}", live));
  if (!differences.empty())
    throw ExportError(fmt::format("{}: version {} cannot stand in for version {}, which is live:\n  {}",
                                  model.string(), version, live, join(differences, "\n  ")));
}

void remove_file(const fs::path& model) {
  fs::remove(Rollout::file_of(model));
  sync_folder(model);
}

}  // namespace

Rollout begin_rollout(const fs::path& model, Rollout wanted) {
  wanted.live = require_other(model, wanted.version);
  require_none(model);
  require_fit(model, wanted.version, wanted.live);
  pin_live(model);
  wanted.id = unique_word();
  wanted.begun = utc_text(std::chrono::system_clock::now());
  const ModelLock lock(model);
  require_none(model);
  append_decision(model, wanted, "begun", "");
  wanted.write(model);
  return wanted;
}

Rollout stop_rollout(const fs::path& model, Rollout::Kind kind) {
  if (versions(model).empty()) resolve_version(model);  // throws, and says what is missing
  const ModelLock lock(model);
  const auto rollout = Rollout::read(model);
  if (!rollout || rollout->kind != kind)
    throw ConfigError(fmt::format("{}: there is no {} to stop", model.string(),
                                  kind == Rollout::Kind::canary ? "canary" : "shadow"));
  append_decision(model, *rollout, "stopped", "by `ringtrain versions`");
  remove_file(model);
  return *rollout;
}

bool keep_progress(const fs::path& model, const Rollout& rollout) {
  const ModelLock lock(model);
  const auto now = Rollout::read(model);
  if (!now || now->id != rollout.id) return false;
  rollout.write(model);
  return true;
}

void close_rollout(const fs::path& model, const Rollout& rollout) {
  const ModelLock lock(model);
  const auto now = Rollout::read(model);
  if (!now || now->id != rollout.id) return;
  const auto last = last_decision(model);
  const bool is_told =
      last && last->value("id", "") == rollout.id && last->value("event", "") == rollout.ending->event;
  if (!is_told) append_decision(model, rollout, rollout.ending->event, rollout.ending->reason);
  remove_file(model);
}

}  // namespace ringtrain
