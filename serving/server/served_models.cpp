#include "serving/server/served_models.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "common/errors.h"
#include "common/log.h"
#include "serving/repository/model_repository.h"
#include "serving/server/warm_up.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

std::string identity_of(const fs::path& folder) {
  std::string identity;
  for (const char* name : {"manifest.json", "model.pt", "warmup.json"}) {
    struct stat file {};
    if (::stat((folder / name).c_str(), &file) == 0)
      identity +=
          fmt::format("{}:{}:{}.{} ", file.st_ino, file.st_size, file.st_mtim.tv_sec, file.st_mtim.tv_nsec);
  }
  return identity;
}

bool holds(const std::vector<std::int64_t>& list, std::int64_t one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

}  // namespace

ServedModels::ServedModels(fs::path base, const Options& options, boost::asio::thread_pool& pool,
                           Metrics& metrics)
    : base_(std::move(base)),
      single_(!versions(base_).empty()),
      options_(options),
      pool_(pool),
      metrics_(metrics) {
  if (!fs::is_directory(base_)) throw ExportError(fmt::format("{}: there is no such folder", base_.string()));
}

std::map<std::string, fs::path> ServedModels::folders() const {
  if (single_)
    return {{fs::absolute(base_ / ".").lexically_normal().parent_path().filename().string(), base_}};
  std::map<std::string, fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(base_, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored) && !versions(entry->path()).empty())
      found[entry->path().filename().string()] = entry->path();
  }
  return found;
}

void ServedModels::scan() {
  const auto present = folders();
  for (const auto& [name, folder] : present) scan_model(name, folder);
  const std::lock_guard lock(mutex_);
  std::erase_if(models_, [&](const auto& item) {
    if (present.contains(item.first)) return false;
    log::info(fmt::format("model {}: gone", item.first));
    return true;
  });
}

VersionState ServedModels::read_state(const std::string& name, const fs::path& folder) {
  std::string problem;
  VersionState state;
  try {
    state = VersionState::read(folder);
  } catch (const std::exception& error) {
    problem = error.what();
  }
  const std::lock_guard lock(mutex_);
  auto& model = models_[name];
  if (problem.empty())
    model.state = state;
  else if (problem != model.state_problem)
    log::error(fmt::format("model {}: {}; what was known before goes on", name, problem));
  model.state_problem = problem;
  return model.state;
}

void ServedModels::scan_model(const std::string& name, const fs::path& folder) {
  const auto present = versions(folder);
  if (present.empty()) return;
  const auto state = read_state(name, folder);
  const auto wanted = state.served(present);
  // The live one first, so that it answers soon; then the newer ones.
  std::vector<std::int64_t> order = wanted;
  const auto live = state.live_of(present).value_or(0);
  std::sort(order.begin(), order.end(),
            [&](auto a, auto b) { return a == live ? b != live : b != live && a > b; });
  bool live_loaded = false;
  for (const auto number : order)
    if (load(name, folder, number) && number == live) live_loaded = true;
  // Rather an older one than none.
  const auto anything = [&] { return find(name) != nullptr; };
  if (!live_loaded)
    for (auto number = present.rbegin(); number != present.rend() && !anything(); ++number) {
      if (*number < live || live == 0) load(name, folder, *number);
      settle(name, present, wanted);
    }
  settle(name, present, wanted);
}

/// Whether the version is loaded, now.
bool ServedModels::load(const std::string& name, const fs::path& folder, std::int64_t number) {
  const auto place = folder / std::to_string(number);
  const auto identity = identity_of(place);
  Loaded before;
  {
    const std::lock_guard lock(mutex_);
    auto& known = models_[name].versions[number];
    if (known.identity == identity) return known.loaded != nullptr;
    known.identity = identity;
    known.loading = true;
    before = known.loaded;
  }
  Loaded loaded;
  std::string problem;
  try {
    loaded = load_version(name, place, number);
  } catch (const std::exception& error) {
    problem = error.what();
  }
  const std::lock_guard lock(mutex_);
  auto& known = models_[name].versions[number];
  known.loading = false;
  known.problem = problem;
  if (loaded) {
    log::info(fmt::format("model {} version {}: loaded", name, number));
    known.loaded = std::move(loaded);
    return true;
  }
  metrics_.load_failed(name);
  log::error(fmt::format("model {} version {}: not loaded{}: {}", name, number,
                         before ? "; what was loaded before goes on" : "", problem));
  return known.loaded != nullptr;
}

ServedModels::Loaded ServedModels::load_version(const std::string& name, const fs::path& folder,
                                                std::int64_t number) {
  auto predictor = std::make_shared<const Predictor>(folder.string());
  const auto& preprocessing = predictor->manifest().preprocessing;
  if (options_.warm_up) warm_up_threads(*predictor, pool_, options_.batching.threads);
  const auto counted = metrics_.of(name, number);
  auto batcher = std::make_shared<Batcher>(
      pool_, options_.batching, [predictor](const Predictor::Rows& rows) { return predictor->predict(rows); },
      [counted](std::int64_t rows, std::int64_t, double seconds) {
        counted.rows.Increment(static_cast<double>(rows));
        counted.batch_rows.Observe(static_cast<double>(rows));
        counted.batch_seconds.Observe(seconds);
      });
  auto reader = preprocessing.tokens ? nullptr : std::make_unique<const JsonRowReader>(preprocessing);
  return std::shared_ptr<const LoadedVersion>(
      new LoadedVersion{name, number, std::move(predictor), std::move(reader), std::move(batcher), counted});
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
    model.live.reset();
    for (const auto& [number, known] : model.versions)
      if (known.loaded) model.live = number;
  }
  std::erase_if(model.versions, [&](auto& item) {
    // One that failed is remembered, so that the same files are not tried again.
    const bool failed = !item.second.loaded && !item.second.problem.empty() && holds(present, item.first);
    const bool stays = holds(wanted, item.first) || model.live == item.first || failed;
    if (!stays && item.second.loaded) {
      log::info(fmt::format("model {} version {}: unloaded", name, item.first));
      let_go.push_back(std::move(item.second.loaded));
    }
    return !stays;
  });
  for (auto& [number, known] : model.versions)
    if (known.loaded) known.loaded->metrics.loaded.Set(1);
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
  for (const auto& [number, known] : model->second.versions)
    list.push_back({number,
                    known.loaded    ? "AVAILABLE"
                    : known.loading ? "LOADING"
                                    : "END",
                    known.problem, model->second.live == number});
  return list;
}

std::vector<std::string> ServedModels::names() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, model] : models_) names.push_back(name);
  return names;
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
