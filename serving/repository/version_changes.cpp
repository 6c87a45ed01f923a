#include "serving/repository/version_changes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "common/errors.h"
#include "common/files.h"
#include "common/hash.h"
#include "common/text.h"
#include "serving/repository/manifest.h"
#include "serving/repository/model_lock.h"
#include "serving/repository/model_repository.h"
#include "serving/repository/triton_config.h"
#include "serving/repository/used_versions.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

std::vector<std::int64_t> require_versions(const fs::path& model) {
  auto present = versions(model);
  if (present.empty()) resolve_version(model);  // throws, and says what is missing
  return present;
}

void require_present(const fs::path& model, const std::vector<std::int64_t>& present, std::int64_t version) {
  if (std::find(present.begin(), present.end(), version) == present.end())
    throw ExportError(fmt::format("{}: there is no version {}; there are: {}", model.string(), version,
                                  fmt::join(present, ", ")));
}

void write(const fs::path& model, const VersionState& state) {
  state.write(model);
  const auto config = model / "config.pbtxt";
  if (!fs::exists(config)) return;
  write_file_atomically(config,
                        with_version_policy(read_file(config), triton_versions(state, versions(model))));
}

/// Reads the state, lets `change` work on it, and writes it.
void change_state(
    const fs::path& model,
    const std::function<void(VersionState&, const std::vector<std::int64_t>& present)>& change) {
  require_versions(model);
  const ModelLock lock(model);
  const auto present = require_versions(model);
  auto state = VersionState::read(model);
  remember_used_versions(model);  // before one of them goes
  change(state, present);
  write(model, state);
}

void make_live(VersionState& state, const std::vector<std::int64_t>& present, std::int64_t version) {
  const auto before = state.live_of(present);
  if (before == version && state.live) return;
  if (before && *before != version) state.before.push_back(*before);
  state.live = version;
}

std::vector<std::int64_t> numbers_of(const std::string& text) {
  std::vector<std::int64_t> numbers;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    if (part.empty() || part.find_first_not_of("0123456789") != std::string::npos || part.size() > 18)
      throw ConfigError(fmt::format("policy: '{}' is no version; expected specific:1,3", part));
    numbers.push_back(std::stoll(part));
  }
  if (numbers.empty()) throw ConfigError("policy: expected versions: specific:1,3");
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace

void require_whole(const fs::path& version) {
  const auto manifest = Manifest::read(version);
  for (const auto& [name, hash] : manifest.files.items()) {
    const auto file = version / name;
    if (!fs::exists(file)) throw ExportError(fmt::format("{} is missing; export again", file.string()));
    if (hash_file(file) != hash.get<std::string>())
      throw ExportError(fmt::format("{} is damaged: its hash is not the one in manifest.json; export again",
                                    file.string()));
  }
}

void promote(const fs::path& model, std::int64_t version) {
  change_state(model, [&](VersionState& state, const std::vector<std::int64_t>& present) {
    require_present(model, present, version);
    require_whole(model / std::to_string(version));
    make_live(state, present, version);
  });
}

std::int64_t roll_back(const fs::path& model) {
  std::int64_t version = 0;
  change_state(model, [&](VersionState& state, const std::vector<std::int64_t>& present) {
    while (!state.before.empty() &&
           std::find(present.begin(), present.end(), state.before.back()) == present.end())
      state.before.pop_back();
    if (state.before.empty())
      throw ConfigError(fmt::format(
          "{}: no version was live before; `ringtrain versions promote {} N` makes another one live",
          model.string(), model.string()));
    version = state.before.back();
    require_whole(model / std::to_string(version));
    state.before.pop_back();
    state.live = version;
  });
  return version;
}

std::int64_t pin_live(const fs::path& model) {
  std::int64_t version = 0;
  change_state(model, [&](VersionState& state, const std::vector<std::int64_t>& present) {
    const auto live = state.live_of(present);
    if (!live) throw ExportError(fmt::format("{}: no version is live", model.string()));
    state.live = version = *live;
  });
  return version;
}

void set_label(const fs::path& model, const std::string& label, std::int64_t version) {
  require_label(label);
  change_state(model, [&](VersionState& state, const std::vector<std::int64_t>& present) {
    require_present(model, present, version);
    if (!state.live)
      state.live = state.live_of(present);  // the label stays while newer versions come: so does live
    state.labels[label] = version;
  });
}

void remove_label(const fs::path& model, const std::string& label) {
  change_state(model, [&](VersionState& state, const std::vector<std::int64_t>&) {
    if (state.labels.erase(label) > 0) return;
    std::vector<std::string> known;
    for (const auto& [name, version] : state.labels) known.push_back(name);
    throw ConfigError(fmt::format("{}: there is no label '{}'{}.{}", model.string(), label,
                                  known.empty() ? "" : "; there are: " + join(known),
                                  did_you_mean(label, known)));
  });
}

void set_policy(const fs::path& model, const std::string& policy) {
  change_state(model, [&](VersionState& state, const std::vector<std::int64_t>& present) {
    if (policy == "all") {
      state.policy = VersionState::Policy::all;
    } else if (policy == "latest" || policy.starts_with("latest:")) {
      state.policy = VersionState::Policy::latest;
      state.latest = policy == "latest" ? 1 : numbers_of(policy.substr(7)).front();
      if (state.latest < 1) throw ConfigError("policy: expected latest:N with N from 1");
    } else if (policy.starts_with("specific:")) {
      state.specific = numbers_of(policy.substr(9));
      for (const auto version : state.specific) require_present(model, present, version);
      state.policy = VersionState::Policy::specific;
    } else {
      throw ConfigError(
          fmt::format("policy: expected latest, latest:N, all or specific:1,3; got '{}'", policy));
    }
  });
}

void delete_version(const fs::path& model, std::int64_t version, bool force) {
  change_state(model, [&](VersionState& state, const std::vector<std::int64_t>& present) {
    require_present(model, present, version);
    if (!force && state.live_of(present) == version)
      throw ConfigError(fmt::format("{}: version {} is live; make another one live first, or give --force",
                                    model.string(), version));
    for (const auto& [label, labelled] : state.labels)
      if (!force && labelled == version)
        throw ConfigError(fmt::format("{}: version {} has the label {}; remove it first, or give --force",
                                      model.string(), version, label));
    std::erase_if(state.labels, [&](const auto& item) { return item.second == version; });
    std::erase(state.before, version);
    std::erase(state.specific, version);
    if (state.live == version) state.live.reset();
    state.write(model);
    const auto trash = model / fmt::format(".deleted-{}-{}", version, ::getpid());
    fs::rename(model / std::to_string(version), trash);
    fs::remove_all(trash);
  });
}

}  // namespace ringtrain
