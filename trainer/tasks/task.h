#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/schema/target_scale.h"
#include "data/table/table.h"
#include "trainer/tasks/task_config.h"

namespace ringtrain {

/// The loss of some samples: both are 0-dim tensors on the device of the outputs. The loss of a batch is
/// loss_sum / weight, also when both are sums over ranks; times Task::loss_unit for people.
struct LossSum {
  at::Tensor loss_sum;  ///< sum of weight × loss; differentiable
  at::Tensor weight;    ///< sum of the weights
};

/// What a model's outputs mean.
class Task {
 public:
  virtual ~Task() = default;
  virtual std::int64_t outputs() const = 0;
  /// Whether the scores of each sample are gathered to be judged; else its answers are judged by sums: the
  /// loss, and how many are `right`.
  virtual bool has_scores() const { return true; }
  /// `outputs`: [n, outputs()]; `targets`: [n], int64 classes or floats. What a language model has:
  /// language_model.h.
  virtual LossSum loss_sum(const at::Tensor& outputs, const at::Tensor& targets) const = 0;
  /// Whether outputs of 16 bits are taken as they are; else they are cast to float32 first.
  virtual bool takes_sixteen_bits(const at::Device&) const { return false; }
  /// What a loss of 1 is in the target's own unit: not 1 where the network learns a scaled target.
  virtual double loss_unit() const { return 1; }
  /// What people and metrics read: probabilities [n, classes], or predictions [n, 1].
  virtual at::Tensor scores(const at::Tensor& outputs) const = 0;
  /// 0-dim int64: how many answers are the target. Asked of tasks without scores only.
  virtual at::Tensor right(const at::Tensor& outputs, const at::Tensor& targets) const;
};

/// How the target column is read for this task.
TargetKind target_kind(const TaskConfig& config);

/// `class_counts`: samples of each class in the training part (empty but for classification). `vocabulary`:
/// of a language model. `scale`: of a regression's target; targets are given as they are. Throws ConfigError
/// when the number of classes or class weights does not fit the task.
std::unique_ptr<Task> make_task(const TaskConfig& config, const std::vector<std::string>& labels,
                                const std::vector<std::int64_t>& class_counts, std::int64_t vocabulary = 0,
                                const TargetScale& scale = {});

}  // namespace ringtrain
