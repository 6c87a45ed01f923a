#pragma once

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "serving/predict/json_row_reader.h"
#include "serving/predict/predictor.h"
#include "serving/repository/version_state.h"
#include "serving/server/batcher.h"
#include "serving/server/metrics.h"

namespace ringtrain {

/// A version of a model that is loaded and warm.
struct LoadedVersion {
  std::string model;
  std::int64_t number;
  std::shared_ptr<const Predictor> predictor;
  std::unique_ptr<const JsonRowReader> rows;  ///< null for a language model
  std::shared_ptr<Batcher> batcher;
  Metrics::Version metrics;
  ~LoadedVersion() { metrics.loaded.Set(0); }
};

/// The versions of the models of a repository (BASE/NAME/VERSION) that are to be served (version_state.h),
/// loaded. All methods may be called by several threads at a time; `scan` by one.
class ServedModels {
 public:
  struct Options {
    Batcher::Options batching;
    bool warm_up = true;
  };
  /// Throws ExportError when there is no such folder. `base` may also be one model's folder (BASE/NAME).
  ServedModels(std::filesystem::path base, const Options& options, boost::asio::thread_pool& pool,
               Metrics& metrics);

  /// Looks at the folder: loads what is to be served, warms it up, and lets go what is not. A version goes
  /// only after the one that takes its place is warm. One that cannot be loaded is logged, and those before
  /// it go on.
  void scan();

  using Loaded = std::shared_ptr<const LoadedVersion>;
  /// Nothing: the live one.
  using Which = std::variant<std::monostate, std::int64_t, std::string>;
  /// The version by its number or label; null: it is not loaded.
  Loaded find(const std::string& name, const Which& which = {}) const;

  struct Status {
    std::int64_t number = 0;
    std::string state;    ///< "LOADING", "AVAILABLE", "END", as TensorFlow Serving calls them
    std::string problem;  ///< why it, or what came to stand in its place, could not be loaded
    bool live = false;
  };
  /// Of each version that is loaded or failed, ascending. Empty: there is no such model.
  std::vector<Status> versions_of(const std::string& name) const;
  std::vector<std::string> names() const;
  std::map<std::string, std::int64_t> labels_of(const std::string& name) const;
  std::int64_t waiting_rows() const;

 private:
  /// What a version's files were when they were looked at: a change is one of these.
  using Identity = std::string;
  struct Known {
    Loaded loaded;
    std::string problem;
    Identity identity;
    bool loading = false;
  };
  struct Model {
    std::map<std::int64_t, Known> versions;
    VersionState state;
    std::string state_problem;
    std::optional<std::int64_t> live;  ///< loaded
  };

  std::map<std::string, std::filesystem::path> folders() const;
  void scan_model(const std::string& name, const std::filesystem::path& folder);
  VersionState read_state(const std::string& name, const std::filesystem::path& folder);
  bool load(const std::string& name, const std::filesystem::path& folder, std::int64_t number);
  Loaded load_version(const std::string& name, const std::filesystem::path& folder, std::int64_t number);
  void settle(const std::string& name, const std::vector<std::int64_t>& present,
              const std::vector<std::int64_t>& wanted);

  std::filesystem::path base_;
  bool single_;
  Options options_;
  boost::asio::thread_pool& pool_;
  Metrics& metrics_;
  mutable std::mutex mutex_;
  std::map<std::string, Model> models_;
};

}  // namespace ringtrain
