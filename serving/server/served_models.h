#pragma once

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "serving/repository/model_repository.h"
#include "serving/repository/version_state.h"
#include "serving/server/loaded_version.h"
#include "serving/server/metrics.h"

namespace ringtrain {

class Rollouts;

/// The versions of the models of a repository (BASE/NAME/VERSION) that are to be served (version_state.h),
/// loaded. All methods may be called by several threads at a time.
class ServedModels {
 public:
  struct Options {
    LoadOptions loading;
    /// After which a version that could not be loaded is tried again though its files are the same: what was
    /// missing may have been memory, or a file server. Doubled each time, up to sixteen times as long.
    std::chrono::milliseconds retry{60'000};
  };
  /// Throws ExportError when there is no such folder, or it cannot be listed. `base` may also be one model's
  /// folder (BASE/NAME).
  ServedModels(std::filesystem::path base, const Options& options, boost::asio::thread_pool& pool,
               Metrics& metrics);

  /// Looks at the folder: loads what is to be served, warms it up, and lets go what is not. A version goes
  /// only after the one that takes its place is warm. One that cannot be loaded is logged, and those before
  /// it go on. A folder that cannot be listed changes nothing: what is loaded goes on, and `versions_of` and
  /// `problem` say why. Ends early, between two versions, when `stop` is requested.
  void scan(const std::stop_token& stop = {});
  /// Why the repository itself could not be listed the last time; "" when it could.
  std::string problem() const;

  /// Takes a model out of service until `load` names it: nothing of it is loaded meanwhile. Waits for a scan
  /// that is under way. Throws DataError where there is no such model.
  void unload(const std::string& name);
  /// Puts it into service again, and looks at its folder now. Throws DataError where there is no such model,
  /// or none of its versions can be loaded, and why.
  void load(const std::string& name);

  using Loaded = std::shared_ptr<const LoadedVersion>;
  /// Nothing: the live one.
  using Which = std::variant<std::monostate, std::int64_t, std::string>;
  /// The version by its number or label; null: it is not loaded.
  Loaded find(const std::string& name, const Which& which = {}) const;

  struct Status {
    std::int64_t number = 0;
    std::string state;    ///< "LOADING", "AVAILABLE", "END", as TensorFlow Serving calls them
    std::string problem;  ///< why it, or what came to stand in its place, could not be loaded, or looked at
    bool live = false;
  };
  /// Of each version that is loaded or failed, ascending. Empty: there is no such model.
  std::vector<Status> versions_of(const std::string& name) const;
  std::vector<std::string> names() const;
  /// Whether there is a model, and each one has a version that answers, but for those that `unload` took out
  /// of service.
  bool all_ready() const;
  std::map<std::string, std::int64_t> labels_of(const std::string& name) const;
  std::int64_t waiting_rows() const;
  /// A model's folder.
  std::filesystem::path folder_of(const std::string& name) const { return single_ ? base_ : base_ / name; }
  /// Those that divide the requests; null: nothing does. Set before the first request.
  Rollouts* rollouts() const { return rollouts_; }
  void set_rollouts(Rollouts* rollouts) { rollouts_ = rollouts; }

 private:
  /// What a version's files were when they were looked at: a change is one of these.
  using Identity = std::string;
  struct Known {
    Loaded loaded;
    std::string problem;
    std::string unseen;  ///< why its files could not be looked at the last time
    std::optional<Identity> identity;
    bool loading = false;
    std::chrono::steady_clock::time_point retry_at;  ///< where there is a problem
    std::chrono::milliseconds retry{0};
  };
  struct Model {
    std::map<std::int64_t, Known> versions;
    VersionState state;
    std::string state_problem;
    bool state_vanished = false;  ///< its file was not there any more at the last look
    std::string listing_problem;
    std::optional<std::int64_t> live;  ///< loaded
    bool out_of_service = false;
  };

  ModelFolders folders() const;
  std::string no_model(const std::string& name) const;
  void look(const std::stop_token& stop);
  void scan_model(const std::string& name, const std::filesystem::path& folder, const std::stop_token& stop);
  void note_listing(const std::string& name, const std::string& problem);
  VersionState read_state(const std::string& name, const std::filesystem::path& folder,
                          const std::vector<std::int64_t>& present);
  bool load(const std::string& name, const std::filesystem::path& folder, std::int64_t number);
  bool keep_with(const std::string& name, std::int64_t number, const std::string& problem);
  bool keep_unseen(const std::string& name, std::int64_t number, const std::string& problem);
  void settle(const std::string& name, const std::vector<std::int64_t>& present,
              const std::vector<std::int64_t>& wanted);

  std::filesystem::path base_;
  bool single_;
  std::string base_problem_;
  Options options_;
  boost::asio::thread_pool& pool_;
  Metrics& metrics_;
  Rollouts* rollouts_ = nullptr;
  std::mutex scanning_;  ///< held by who changes what is loaded; before `mutex_`
  mutable std::mutex mutex_;
  std::map<std::string, Model> models_;
  std::map<std::string, std::string> unlisted_;  // why, of folders that are no model yet
};

}  // namespace ringtrain
