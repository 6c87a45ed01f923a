#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ringtrain {

/// Which versions of a model are loaded by a server, and which of them answers whom: BASE/NAME/versions.json.
///   {"policy": "all", "live": 2, "before": [1], "labels": {"canary": 3}}
/// `policy` is "latest", {"latest": N}, "all" or {"specific": [1, 3]}. Without the file only the newest
/// version is served, and it is live.
struct VersionState {
  enum class Policy { latest, all, specific };
  Policy policy = Policy::latest;
  std::int64_t latest = 1;  ///< how many, of Policy::latest; counted from the live one where one is set
  std::vector<std::int64_t> specific;  ///< of Policy::specific, ascending
  std::optional<std::int64_t> live;    ///< the version that answers who names none; unset: the newest one
  std::vector<std::int64_t> before;    ///< those that were live before, the last one last
  std::map<std::string, std::int64_t> labels;  ///< such as stable, canary
  bool has_file = false;                       ///< as read: there is such a file

  /// Of a model's folder, BASE/NAME. Throws ExportError when the file cannot be understood.
  static VersionState read(const std::filesystem::path& model);
  /// Replaces the file, whole or not at all.
  void write(const std::filesystem::path& model) const;

  /// The version that is live among those on disk (ascending). Empty: none of them, or the one that was
  /// promoted is gone.
  std::optional<std::int64_t> live_of(const std::vector<std::int64_t>& present) const;
  /// Those that a server loads: what the policy picks, the live one, and those with a label. Ascending.
  std::vector<std::int64_t> served(const std::vector<std::int64_t>& present) const;
  /// Those that may answer who names none, best first: the live one; where it cannot be had, those that were
  /// live before, the last one first, then older ones. Where it is gone, newer ones, the nearest first, are
  /// the last resort.
  std::vector<std::int64_t> answering(const std::vector<std::int64_t>& present) const;
};

/// Throws ConfigError unless `label` may name a version: letters, digits, '-', '_' and '.', not "live", not a
/// number.
void require_label(const std::string& label);

/// A version's folder by its name: BASE/NAME (its live version), BASE/NAME/3, BASE/NAME@3, BASE/NAME@live,
/// BASE/NAME@newest or BASE/NAME@LABEL. Throws ExportError that lists what there is.
std::filesystem::path find_version(const std::string& reference);

}  // namespace ringtrain
