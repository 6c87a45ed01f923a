#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/callbacks/callback.h"

namespace ringtrain {

/// `trainer.average`: an average of the weights over steps, which is evaluated, kept and exported in their
/// place; training itself goes on with its own. Which average it is, a derived class says in `after_step`.
///
/// One operation a step on the flat parameters; each rank has the whole average. Buffers (a batch norm's
/// statistics) are those of training. A checkpoint's model.safetensors holds the average, and the weights of
/// training stand in optimizer.safetensors as "average/NAME".
class WeightAverage : public Callback {
 public:
  std::string name() const override { return "average"; }
  void begin(const Moment& moment, const nlohmann::json& state, const NamedTensors& tensors) override;
  void share(const Moment& moment) override;
  void show(const Moment& moment) override;
  void hide(const Moment& moment) override;
  nlohmann::json state() const override;
  NamedTensors tensors() const override;

 protected:
  /// average = average + weight * (weights - average). Before the first time the average is the initial
  /// weights.
  void add(Replica& replica, double weight);
  /// How often something was added.
  std::int64_t updates() const { return updates_; }
  /// Whether it stands for the weights now.
  virtual bool has_average() const = 0;

 private:
  void exchange(Replica& replica);

  const Replica* replica_ = nullptr;
  std::vector<at::Tensor> other_;  ///< of each group: the average; while it is shown, the weights of training
  std::int64_t updates_ = 0;
  bool restored_ = false;
};

}  // namespace ringtrain
