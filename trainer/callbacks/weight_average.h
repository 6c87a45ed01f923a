#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/callbacks/callback.h"
#include "trainer/callbacks/callbacks_config.h"

namespace ringtrain {

/// `trainer.average`: an average of the weights over steps, which is evaluated, kept and exported in their
/// place; training itself goes on with its own. ema: exponential moving average (Polyak and Juditsky 1992),
/// which begins with the initial weights. swa: the plain mean (Izmailov et al. 2018).
///
/// One operation a step on the flat parameters; each rank has the whole average. Buffers (a batch norm's
/// statistics) are those of training. A checkpoint's model.safetensors holds the average, and the weights of
/// training stand in optimizer.safetensors as "average/NAME".
class WeightAverage : public Callback {
 public:
  explicit WeightAverage(const WeightAverageConfig& config) : config_(config) {}
  std::string name() const override { return "average"; }
  void begin(const Moment& moment, const nlohmann::json& state, const NamedTensors& tensors) override;
  void share(const Moment& moment) override;
  void after_step(const Moment& moment) override;
  void show(const Moment& moment) override;
  void hide(const Moment& moment) override;
  nlohmann::json state() const override;
  NamedTensors tensors() const override;

 private:
  void exchange(Replica& replica);
  void add(Replica& replica, double weight);
  bool has_average() const { return config_.type == "ema" || updates_ > 0; }

  WeightAverageConfig config_;
  const Replica* replica_ = nullptr;
  std::vector<at::Tensor> other_;  ///< of each group: the average; while it is shown, the weights of training
  std::int64_t updates_ = 0;       ///< what the average is of
  bool restored_ = false;
};

}  // namespace ringtrain
