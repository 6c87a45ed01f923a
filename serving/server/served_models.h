#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "serving/predictor.h"

namespace ringtrain {

/// The newest version of each model of a repository (BASE/NAME/VERSION), loaded. All methods may be called by
/// several threads at a time.
class ServedModels {
 public:
  /// Throws ExportError when there is no such folder. `base` may also be one model's folder (BASE/NAME).
  explicit ServedModels(std::filesystem::path base);

  /// Looks for versions that are newer, and for models that are gone; loads and swaps. A version that cannot
  /// be loaded is logged once, and the one before it goes on. Returns whether something changed.
  bool scan();

  struct Version {
    std::int64_t number = 0;
    std::shared_ptr<const Predictor> predictor;  ///< null: it could not be loaded
    std::string problem;
  };
  /// What is known of a model: the version that answers, and one that failed. Empty: there is no such model.
  std::vector<Version> versions_of(const std::string& name) const;
  /// The version that answers. Without `number` the newest one. Empty: not loaded.
  std::optional<Version> find(const std::string& name, const std::optional<std::int64_t>& number = {}) const;
  std::vector<std::string> names() const;

 private:
  std::map<std::string, std::filesystem::path> folders() const;
  std::filesystem::path base_;
  bool single_;
  mutable std::mutex mutex_;
  std::map<std::string, Version> live_, failed_;
};

}  // namespace ringtrain
