#include "trainer/standing.h"

#include <fmt/format.h>

#include <cmath>

#include "common/errors.h"

namespace ringtrain {

bool Standing::take(std::int64_t step, double value, bool larger_is_better, double min_delta) {
  const bool is_best = std::isfinite(value) &&
                       (!best || (larger_is_better ? value > *best + min_delta : value < *best - min_delta));
  if (is_best) {
    best = value;
    best_step = step;
  }
  evaluations_since_best = is_best ? 0 : evaluations_since_best + 1;
  return is_best;
}

nlohmann::json Standing::to_json() const {
  return {{"best", best ? nlohmann::json(*best) : nlohmann::json(nullptr)},
          {"best_step", best_step},
          {"evaluations_since_best", evaluations_since_best},
          {"epoch_loss_sum", epoch_loss_sum},
          {"epoch_weight", epoch_weight}};
}

Standing Standing::from_json(const nlohmann::json& json) {
  Standing standing;
  try {
    if (!json.at("best").is_null()) standing.best = json.at("best").get<double>();
    standing.best_step = json.at("best_step");
    standing.evaluations_since_best = json.at("evaluations_since_best");
    standing.epoch_loss_sum = json.at("epoch_loss_sum");
    standing.epoch_weight = json.at("epoch_weight");
  } catch (const nlohmann::json::exception& error) {
    throw CheckpointError(fmt::format("the checkpoint's state.json cannot be used: {}", error.what()));
  }
  return standing;
}

}  // namespace ringtrain
