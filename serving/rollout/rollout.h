#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "serving/rollout/latencies.h"
#include "serving/rollout/rollout_plan.h"
#include "serving/rollout/score_distance.h"
#include "serving/rollout/worse_evidence.h"

namespace ringtrain {

/// What one version answered.
struct SideCounts {
  std::uint64_t requests = 0;
  std::uint64_t failed = 0;  ///< of them; not those that a client asked wrongly
  Latencies latencies;       ///< from the rows to the answer
  Latencies runs;            ///< of the model, without the wait for a thread
  double failed_share() const {
    return requests == 0 ? 0 : static_cast<double>(failed) / static_cast<double>(requests);
  }
};

struct SideTotals {
  std::uint64_t requests = 0, failed = 0;
};

/// How far a rollout is, and what it saw.
struct RolloutProgress {
  std::size_t stage = 0;
  double seconds = 0;  ///< of the stage, in which a server served it
  SideCounts live,
      candidate;  ///< of the stage; while the candidate has all, the live one's of the one before
  SideTotals live_total, candidate_total;  ///< of the whole rollout
  std::uint64_t without_key = 0;           ///< requests that had no field `key`: their ids chose the side
  std::uint64_t dropped = 0;               ///< requests that a shadow was not given
  std::uint64_t compared = 0;              ///< rows that both versions answered
  std::uint64_t agreed = 0;                ///< of them with the same class, or the same labels
  bool of_values = false;                  ///< they are values; then
  double difference_sum = 0;               ///< of them: |candidate - live|
  ScoreDistance distance;                  ///< of the whole plan
  WorseEvidence evidence;                  ///< of the whole plan
};

/// A version that is tried beside the live one, as BASE/NAME/rollout.json says; a server keeps its progress
/// there. A shadow answers a copy of the traffic, unseen; a canary answers a share of it.
struct Rollout {
  enum class Kind { shadow, canary };
  /// How it is to end; written before it does, so that a server that is killed then ends it.
  struct Ending {
    std::string event;  ///< "promoted", "rolled back", "stopped", "refused"
    std::string reason;
  };
  std::string id;  ///< drawn
  Kind kind = Kind::canary;
  std::int64_t version = 0;        ///< that is tried
  std::int64_t live = 0;           ///< that it is tried against
  std::string begun;               ///< UTC
  std::vector<RolloutStage> plan;  ///< of a canary
  std::string key;                 ///< the column that tells sides apart; empty: the request's id does
  RolloutRules rules;              ///< of a canary
  RolloutProgress progress;
  std::optional<Ending> ending;

  bool is_canary() const { return kind == Kind::canary; }
  /// "canary" or "shadow".
  std::string kind_name() const { return is_canary() ? "canary" : "shadow"; }
  /// Of the requests that the candidate answers now: 0 of a shadow.
  double share() const { return is_canary() ? plan.at(progress.stage).share : 0; }

  /// Of a model's folder, BASE/NAME; empty where none is tried. Throws ExportError when the file cannot be
  /// understood.
  static std::optional<Rollout> read(const std::filesystem::path& model);
  /// Replaces the file, whole or not at all. Throws Error.
  void write(const std::filesystem::path& model) const;
  static std::filesystem::path file_of(const std::filesystem::path& model);
};

/// What people and programs are told: {"kind", "version", "live", "begun", "plan", "stage", "stages",
/// "share", "seconds", "sides": {"live" and "candidate": {"version", "requests", "failed", "p50_ms",
/// "p99_ms" (of a canary), "run_p50_ms", "run_p99_ms"}}, "distance", "dropped", "compared", "agreement" or
/// "mean_difference", "feedback": {…}}. What is not known yet is left out.
nlohmann::ordered_json summary_of(const Rollout& rollout);

}  // namespace ringtrain
