#include "trainer/precision/loss_scaler.h"

#include <fmt/format.h>

#include <limits>

#include "common/errors.h"

namespace ringtrain {

void LossScaler::update(bool finite) {
  if (!finite) {
    scale_ *= kBackoff;
    good_steps_ = 0;
    if (scale_ < 1)
      throw TrainingError(
          "the gradient is not finite at any loss scale down to 1: float16 is not what makes it overflow, or "
          "the "
          "model's values are beyond 65504. Use trainer.precision: bfloat16 (the range of float32) or "
          "float32, "
          "lower "
          "trainer.optimizer.lr, or look for extreme values in the data");
    return;
  }
  if (++good_steps_ < kInterval) return;
  good_steps_ = 0;
  // The scale is the seed of backward, in float32.
  if (scale_ * kGrowth <= std::numeric_limits<float>::max()) scale_ *= kGrowth;
}

nlohmann::json LossScaler::to_json() const { return {{"scale", scale_}, {"good_steps", good_steps_}}; }

LossScaler LossScaler::from_json(const nlohmann::json& json) {
  LossScaler scaler;
  try {
    scaler.scale_ = json.at("scale").get<double>();
    scaler.good_steps_ = json.at("good_steps").get<std::int64_t>();
  } catch (const nlohmann::json::exception& error) {
    throw CheckpointError(
        fmt::format("the checkpoint's state.json: loss_scaler cannot be used: {}", error.what()));
  }
  if (!(scaler.scale_ >= 1) || scaler.good_steps_ < 0)
    throw CheckpointError(fmt::format("the checkpoint's state.json: a loss scale of {} after {} good steps",
                                      scaler.scale_, scaler.good_steps_));
  return scaler;
}

}  // namespace ringtrain
