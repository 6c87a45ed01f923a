#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/table.h"
#include "trainer/run_config.h"

namespace ringtrain {

/// The loss of some samples: both are 0-dim tensors on the device of the outputs. The loss of a batch is
/// loss_sum / weight, also when both are sums over ranks.
struct LossSum {
  at::Tensor loss_sum;  ///< sum of weight × loss; differentiable
  at::Tensor weight;    ///< sum of the weights
};

/// What a model's outputs mean.
class Task {
 public:
  virtual ~Task() = default;
  virtual std::int64_t outputs() const = 0;
  /// `outputs`: [n, outputs()]; `targets`: [n], int64 classes or floats.
  virtual LossSum loss_sum(const at::Tensor& outputs, const at::Tensor& targets) const = 0;
  /// What people and metrics read: probabilities [n, classes], or predictions [n, 1].
  virtual at::Tensor scores(const at::Tensor& outputs) const = 0;
};

/// How the target column is read for this task.
TargetKind target_kind(const TaskConfig& config);

/// `class_counts`: samples of each class in the training part (empty for regression). Throws ConfigError when
/// the number of classes or class weights does not fit the task.
std::unique_ptr<Task> make_task(const TaskConfig& config, const std::vector<std::string>& labels,
                                const std::vector<std::int64_t>& class_counts);

}  // namespace ringtrain
