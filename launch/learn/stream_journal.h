#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "launch/learn/grown_file.h"

namespace ringtrain {

/// What learning did, in order, a line of JSON each with a checksum (XXH3 of the line without it): durable
/// before it counts. The first one says what the job is about. Entries have a `kind` and a `step`.
///
/// A process that goes on from a checkpoint does again what the journal says: an entry that is there already
/// is compared, not written.
class StreamJournal {
 public:
  using Entry = nlohmann::ordered_json;

  /// Begins a journal (an earlier one is replaced).
  StreamJournal(std::filesystem::path file, const Entry& about);
  /// Goes on with one after its first `done` entries. A last line that was torn by a kill is dropped. Throws
  /// CheckpointError for a line that is damaged or lost, ConfigError where `about` differs.
  StreamJournal(std::filesystem::path file, const Entry& about, std::int64_t done);

  /// Durable when it returns. Throws CheckpointError where the earlier process did something else at this
  /// point: the stream or the configuration has changed.
  void add(Entry entry);
  /// What the earlier process did next, where this one does it again; nothing: it is new.
  std::optional<Entry> expected(const std::string& kind) const;
  const std::deque<Entry>& ahead() const { return ahead_; }
  /// How many entries count by now, for the next checkpoint.
  std::int64_t done() const { return done_; }

  /// The entries of a journal, each verified; of a torn last line none. Throws CheckpointError, DataError.
  static std::vector<Entry> read(const std::filesystem::path& file);

 private:
  std::filesystem::path file_;
  std::optional<GrownFile> out_;
  std::deque<Entry> ahead_;
  std::int64_t done_ = 0;
};

}  // namespace ringtrain
