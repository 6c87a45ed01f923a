#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

namespace ringtrain {

/// What a checkpoint keeps besides weights: the best value so far, and the sums of the epoch under way.
struct Standing {
  std::optional<double> best;
  std::int64_t best_step = 0, evaluations_since_best = 0;
  double epoch_loss_sum = 0, epoch_weight = 0;

  /// Takes the value of an evaluation; returns whether it is the best so far: better by more than `min_delta`
  /// than the best one before, or the first that is a finite number. NaN and infinity are never the best.
  bool take(std::int64_t step, double value, bool larger_is_better, double min_delta);

  nlohmann::json to_json() const;
  /// Throws CheckpointError when something is missing.
  static Standing from_json(const nlohmann::json& json);
};

}  // namespace ringtrain
