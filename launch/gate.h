#pragma once

#include <cstdint>
#include <string>

#include "launch/behaviour/behaviour_run.h"
#include "launch/commands/model_evaluation.h"

namespace ringtrain {

/// Whether a new version is to take the place of the live one, by what both answer to the same rows.
struct GateDecision {
  std::string metric;
  double before = 0, after = 0;
  double gain = 0;    ///< how much better, whichever way is the better one
  double margin = 0;  ///< by how much it has to be
  Interval interval{};
  std::int64_t rows = 0;
  bool promoted = false;
  std::string why;
  BehaviourResults tests{};  ///< of the new version, on the same rows

  /// One that fails a test is not promoted, however good it is.
  void hold_to(BehaviourResults results);
};

/// Better, by at least `margin`, and finite. `resamples`: of the interval (bootstrap); 0: none is computed.
/// Throws ConfigError for a metric that the task has not.
GateDecision pass_gate(const Compared& before, const Compared& after, const TaskKind& kind,
                       const std::string& metric, double margin, std::int64_t resamples, std::uint64_t seed);

}  // namespace ringtrain
