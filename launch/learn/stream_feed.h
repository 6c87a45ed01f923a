#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "launch/learn/grown_file.h"
#include "launch/learn/row_guards.h"
#include "launch/learn/stream_row.h"
#include "launch/learn/stream_source.h"
#include "trainer/learn_config.h"

namespace ringtrain {

/// What became of the rows of a stream so far.
struct StreamCounts {
  std::int64_t read = 0, learned = 0, held_out = 0, without_truth = 0;
  std::map<std::string, std::int64_t> quarantined;  ///< by the guard: "schema", "range", "key"
  std::int64_t refused() const;
  nlohmann::ordered_json to_json() const;
  static StreamCounts from_json(const nlohmann::ordered_json& json);
};

/// Deals the rows of a stream out: to the next batch, to the held-out window, or to the quarantine. Rank 0's.
/// All that it decides follows from the rows, in their order, and the configuration.
class StreamFeed {
 public:
  struct Options {
    const Preprocessing& schema;
    RowColumns columns;
    const LearnConfig& learn;
    std::filesystem::path quarantine;  ///< JSON lines: what was refused, and why
  };
  /// `state`: what an earlier process's `state` gave, or null. Throws as StreamSource::seek, GrownFile.
  StreamFeed(std::unique_ptr<StreamSource> source, const Options& options,
             const nlohmann::ordered_json& state);

  /// Reads until `count` rows are there to be learned from, or, where it is given, until `read` rows of the
  /// stream are read. `new_source`: told before the first row of another file than that of the row before
  /// counts.
  StreamSource::Next fill(std::int64_t count, std::optional<std::int64_t> read,
                          const std::function<bool()>& stop,
                          const std::function<void(const std::string& source)>& new_source);
  /// The rows that are there, at most `count`; they are learned from now.
  std::vector<StreamRow> take(std::int64_t count);
  std::int64_t waiting() const { return static_cast<std::int64_t>(pending_.size()); }

  /// Rows that are never learned from: the last ones of those held out.
  const std::deque<StreamRow>& held_out() const { return held_out_; }
  const StreamCounts& counts() const { return counts_; }
  /// The time of the last row; where no column has it, counted in rows.
  std::int64_t day() const;
  const StreamSource& source() const { return *source_; }
  void take_in_order(const std::vector<std::string>& sources) { source_->take_in_order(sources); }
  /// Why the first row was refused; "" where none was.
  const std::string& first_refused() const { return first_refused_; }

  /// All that the next rows depend on; the quarantine is durable when it returns.
  nlohmann::ordered_json state();

 private:
  void deal(const StreamRecord& record);
  void quarantine(const StreamRecord& record, const std::string& guard, const std::string& why);

  std::unique_ptr<StreamSource> source_;
  RowReader reader_;
  RangeGuard range_;
  KeyGuard key_;
  const LearnConfig& learn_;
  GrownFile quarantine_;
  std::deque<StreamRow> pending_, held_out_;
  StreamCounts counts_;
  std::int64_t accepted_ = 0;
  double time_ = 0;
  std::string last_source_, first_refused_;
};

}  // namespace ringtrain
