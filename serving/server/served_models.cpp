#include "serving/server/served_models.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "common/errors.h"
#include "common/log.h"
#include "common/text.h"
#include "serving/rollout/rollout.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

bool holds(const std::vector<std::int64_t>& list, std::int64_t one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

/// The version that is tried beside the live one is served as well.
std::vector<std::int64_t> with_tried(std::vector<std::int64_t> wanted, const fs::path& folder,
                                     const std::vector<std::int64_t>& present) {
  try {
    const auto rollout = Rollout::read(folder);
    if (rollout && holds(present, rollout->version) && !holds(wanted, rollout->version))
      wanted.push_back(rollout->version);
  } catch (const ExportError&) {
    // It is not tried then; who follows rollouts says why.
  }
  std::sort(wanted.begin(), wanted.end());
  return wanted;
}

}  // namespace

ServedModels::ServedModels(fs::path base, const Options& options, boost::asio::thread_pool& pool,
                           Metrics& metrics)
    : base_(std::move(base)),
      single_(!versions(base_).empty()),
      options_(options),
      pool_(pool),
      metrics_(metrics) {
  if (!fs::is_directory(base_))
    throw ExportError(fmt::format(
        "{}: there is no such folder; give a model repository, such as the export/ of a job folder",
        base_.string()));
  folders();  // throws, and says why, where it cannot be listed
}

ModelFolders ServedModels::folders() const {
  if (!single_) return model_folders(base_);
  std::error_code error;
  const bool has_versions = !versions(base_, error).empty();
  if (error) throw ExportError(fmt::format("{} cannot be listed: {}", base_.string(), error.message()));
  ModelFolders found;
  if (has_versions) found.models[model_name_of(base_)] = base_;
  return found;
}

void ServedModels::scan(const std::stop_token& stop) {
  const std::lock_guard scanning(scanning_);
  look(stop);
}

void ServedModels::look(const std::stop_token& stop) {
  ModelFolders found;
  std::string problem;
  try {
    found = folders();
  } catch (const ExportError& error) {
    problem = error.what();
  }
  {
    const std::lock_guard lock(mutex_);
    if (problem != base_problem_)
      problem.empty() ? log::info(fmt::format("{} can be listed again", base_.string()))
                      : log::error(fmt::format("{}; what is loaded goes on", problem));
    base_problem_ = problem;
  }
  // Only a listing that worked says that a model is gone.
  if (!problem.empty()) return;
  for (const auto& [name, folder] : found.models) {
    if (stop.stop_requested()) return;
    scan_model(name, folder, stop);
  }
  for (const auto& [name, reason] : found.unreadable) note_listing(name, reason);
  std::map<std::string, Model> gone;  // outside the lock: freeing a model takes time
  const std::lock_guard lock(mutex_);
  for (auto model = models_.begin(); model != models_.end();) {
    const auto& name = model->first;
    if (found.models.contains(name) || found.unreadable.contains(name)) {
      ++model;
      continue;
    }
    log::info(fmt::format("model {}: gone", name));
    gone.insert(models_.extract(model++));
  }
}

/// What could not be listed keeps what it has; "" when it could.
void ServedModels::note_listing(const std::string& name, const std::string& problem) {
  const std::lock_guard lock(mutex_);
  const auto known = models_.find(name);
  auto& before = known == models_.end() ? unlisted_[name] : known->second.listing_problem;
  if (!problem.empty() && problem != before)
    log::error(fmt::format("model {}: {}; what is loaded goes on", name, problem));
  before = problem;
}

std::string ServedModels::problem() const {
  const std::lock_guard lock(mutex_);
  return base_problem_;
}

VersionState ServedModels::read_state(const std::string& name, const fs::path& folder,
                                      const std::vector<std::int64_t>& present) {
  std::string problem;
  std::optional<VersionState> state;
  try {
    state = VersionState::read(folder);
    if (state->live && !state->live_of(present))
      problem = fmt::format(
          "{}: its live version {} is gone; there are: {}; `ringtrain versions promote` makes another one "
          "live",
          folder.string(), *state->live, fmt::join(present, ", "));
  } catch (const std::exception& error) {
    problem = fmt::format("{}; what was known before goes on", error.what());
  }
  const std::lock_guard lock(mutex_);
  auto& model = models_[name];
  if (!problem.empty() && problem != model.state_problem)
    log::error(fmt::format("model {}: {}", name, problem));
  // A tool may remove the file before it writes the new one: without it the newest version would be live.
  const bool vanished = state && !state->has_file && model.state.has_file;
  if (state && !(vanished && !std::exchange(model.state_vanished, vanished))) {
    model.state = *state;
    model.state_vanished = false;
  }
  model.state_problem = problem;
  return model.state;
}

void ServedModels::unload(const std::string& name) {
  const std::lock_guard scanning(scanning_);
  std::vector<Loaded> let_go;  // outside the lock: freeing a model takes time
  const std::lock_guard lock(mutex_);
  const auto found = models_.find(name);
  if (found == models_.end()) throw DataError(no_model(name));
  auto& model = found->second;
  model.out_of_service = true;
  model.live.reset();
  for (auto& [number, known] : model.versions) {
    if (known.loaded) let_go.push_back(std::move(known.loaded));
    known = Known();
    known.problem = "a client took the model out of service; it can put it back";
  }
  log::info(fmt::format("model {}: a client took it out of service", name));
}

void ServedModels::load(const std::string& name) {
  const std::lock_guard scanning(scanning_);
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = models_.find(name); found != models_.end()) {
      found->second.out_of_service = false;
      for (auto& [number, known] : found->second.versions) known.identity.reset();
    }
  }
  look({});
  if (find(name)) return;
  const auto versions = versions_of(name);
  if (versions.empty()) throw DataError(no_model(name));
  throw DataError(fmt::format("no version of model {} could be loaded: {}", name, versions.back().problem));
}

std::string ServedModels::no_model(const std::string& name) const {
  std::vector<std::string> known;
  for (const auto& [other, model] : models_) known.push_back(other);
  return fmt::format("there is no model '{}'; there are: {}.{}", name, join(known),
                     did_you_mean(name, known));
}

void ServedModels::scan_model(const std::string& name, const fs::path& folder, const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = models_.find(name);
    if (known != models_.end() && known->second.out_of_service) return;
  }
  std::error_code error;
  const auto present = versions(folder, error);
  if (error)
    return note_listing(name, fmt::format("{} cannot be listed: {}", folder.string(), error.message()));
  note_listing(name, "");
  if (present.empty()) return;
  const auto state = read_state(name, folder, present);
  const auto wanted = with_tried(state.served(present), folder, present);
  // The live one first, so that it answers soon; then the newer ones.
  std::vector<std::int64_t> order = wanted;
  const auto live = state.live_of(present).value_or(0);
  std::sort(order.begin(), order.end(),
            [&](auto a, auto b) { return a == live ? b != live : b != live && a > b; });
  bool live_loaded = false;
  for (const auto number : order) {
    if (stop.stop_requested()) return;
    if (load(name, folder, number) && number == live) live_loaded = true;
  }
  // Rather another one than none.
  if (!live_loaded && !find(name))
    for (const auto number : state.answering(present)) {
      if (stop.stop_requested() || load(name, folder, number)) break;
    }
  settle(name, present, wanted);
}

/// Whether the version is loaded, now.
bool ServedModels::load(const std::string& name, const fs::path& folder, std::int64_t number) {
  const auto place = folder / std::to_string(number);
  std::string identity;
  try {
    identity = identity_of_files(place);
  } catch (const ExportError& error) {
    return keep_unseen(name, number, error.what());
  }
  Loaded before;
  {
    const std::lock_guard lock(mutex_);
    auto& known = models_[name].versions[number];
    known.unseen.clear();
    const bool tried = known.identity == identity;
    if (tried && (known.problem.empty() || std::chrono::steady_clock::now() < known.retry_at))
      return known.loaded != nullptr;
    known.retry = tried ? std::min(2 * known.retry, 16 * options_.retry) : options_.retry;
    known.identity = identity;
    known.loading = true;
    before = known.loaded;
  }
  Loaded loaded;
  std::string problem;
  try {
    loaded = load_version(name, number, place, options_.loading, pool_, metrics_);
  } catch (const std::exception& error) {
    problem = error.what();
  }
  if (!loaded) {
    metrics_.load_failed(name);
    return keep_with(name, number, problem);
  }
  log::info(fmt::format("model {} version {}: loaded", name, number));
  const std::lock_guard lock(mutex_);
  auto& known = models_[name].versions[number];
  known.loading = false;
  known.problem.clear();
  known.loaded = std::move(loaded);
  return true;
}

/// Whether the version is loaded, from before.
bool ServedModels::keep_with(const std::string& name, std::int64_t number, const std::string& problem) {
  const std::lock_guard lock(mutex_);
  auto& known = models_[name].versions[number];
  if (problem != known.problem)
    log::error(fmt::format("model {} version {}: not loaded{}: {}", name, number,
                           known.loaded ? "; what was loaded before goes on" : "", problem));
  known.loading = false;
  known.problem = problem;
  known.retry_at = std::chrono::steady_clock::now() + known.retry;
  return known.loaded != nullptr;
}

/// Whether the version is loaded, from before. That its files cannot be looked at is no change of theirs.
bool ServedModels::keep_unseen(const std::string& name, std::int64_t number, const std::string& problem) {
  const std::lock_guard lock(mutex_);
  auto& known = models_[name].versions[number];
  if (problem != known.unseen) log::error(fmt::format("model {} version {}: {}", name, number, problem));
  known.unseen = problem;
  return known.loaded != nullptr;
}

/// Which version is live, and which are let go.
void ServedModels::settle(const std::string& name, const std::vector<std::int64_t>& present,
                          const std::vector<std::int64_t>& wanted) {
  std::vector<Loaded> let_go;  // outside the lock: freeing a model takes time
  const std::lock_guard lock(mutex_);
  auto& model = models_[name];
  const auto loaded = [&](std::int64_t number) {
    const auto known = model.versions.find(number);
    return known != model.versions.end() && known->second.loaded;
  };
  const auto meant = model.state.live_of(present);
  if (meant && loaded(*meant)) {
    model.live = meant;
  } else if (!model.live || !loaded(*model.live)) {
    const auto order = model.state.answering(present);
    const auto first = std::find_if(order.begin(), order.end(), loaded);
    model.live = first == order.end() ? std::nullopt : std::optional(*first);
  }
  std::erase_if(model.versions, [&](auto& item) {
    // One that failed is remembered, so that the same files are not tried again.
    const bool failed = !item.second.loaded && !(item.second.problem + item.second.unseen).empty() &&
                        holds(present, item.first);
    const bool stays = holds(wanted, item.first) || model.live == item.first || failed;
    if (!stays && item.second.loaded) {
      log::info(fmt::format("model {} version {}: unloaded", name, item.first));
      let_go.push_back(std::move(item.second.loaded));
    }
    return !stays;
  });
  for (auto& [number, known] : model.versions)
    if (known.loaded) known.loaded->metrics->loaded.Set(1);
}

ServedModels::Loaded ServedModels::find(const std::string& name, const Which& which) const {
  const std::lock_guard lock(mutex_);
  const auto model = models_.find(name);
  if (model == models_.end()) return nullptr;
  std::optional<std::int64_t> number = model->second.live;
  if (const auto* asked = std::get_if<std::int64_t>(&which)) number = *asked;
  if (const auto* label = std::get_if<std::string>(&which); label && *label != "live") {
    const auto& labels = model->second.state.labels;
    const auto labelled = labels.find(*label);
    if (labelled == labels.end()) return nullptr;
    number = labelled->second;
  }
  if (!number) return nullptr;
  const auto known = model->second.versions.find(*number);
  return known == model->second.versions.end() ? nullptr : known->second.loaded;
}

std::vector<ServedModels::Status> ServedModels::versions_of(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  std::vector<Status> list;
  const auto model = models_.find(name);
  if (model == models_.end()) return list;
  const auto& problem = !base_problem_.empty()                   ? base_problem_
                        : !model->second.listing_problem.empty() ? model->second.listing_problem
                                                                 : model->second.state_problem;
  for (const auto& [number, known] : model->second.versions)
    list.push_back({number,
                    known.loaded    ? "AVAILABLE"
                    : known.loading ? "LOADING"
                                    : "END",
                    !known.unseen.empty()    ? known.unseen
                    : !known.problem.empty() ? known.problem
                                             : problem,
                    model->second.live == number});
  return list;
}

std::vector<std::string> ServedModels::names() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, model] : models_) names.push_back(name);
  return names;
}

bool ServedModels::all_ready() const {
  const std::lock_guard lock(mutex_);
  return !models_.empty() && std::all_of(models_.begin(), models_.end(), [](const auto& item) {
    return item.second.out_of_service || item.second.live.has_value();
  });
}

std::map<std::string, std::int64_t> ServedModels::labels_of(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto model = models_.find(name);
  return model == models_.end() ? std::map<std::string, std::int64_t>{} : model->second.state.labels;
}

std::int64_t ServedModels::waiting_rows() const {
  const std::lock_guard lock(mutex_);
  std::int64_t rows = 0;
  for (const auto& [name, model] : models_)
    for (const auto& [number, known] : model.versions)
      if (known.loaded) rows += known.loaded->batcher->waiting_rows();
  return rows;
}

}  // namespace ringtrain
