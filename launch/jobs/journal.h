#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

namespace ringtrain {

/// What a command of many trainings has decided and what came of it, so that it goes on after a kill: a line
/// of JSON each, the first of which says what the command is about.
class Journal {
 public:
  /// Reads the file, or begins it. `about`: an object of what all else follows from. Throws ConfigError where
  /// the file is about something else, naming what differs and the ways out, and for a file that is no
  /// journal.
  Journal(std::filesystem::path file, const nlohmann::ordered_json& about);
  /// All but the first, in order.
  const std::vector<nlohmann::ordered_json>& entries() const { return entries_; }
  /// Durable when it returns. Throws Error with the system's reason.
  void add(nlohmann::ordered_json entry);

 private:
  void write() const;
  std::filesystem::path file_;
  nlohmann::ordered_json about_;
  std::vector<nlohmann::ordered_json> entries_;
};

}  // namespace ringtrain
