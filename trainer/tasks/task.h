#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "data/fields.h"
#include "data/schema/head.h"

namespace ringtrain {

/// The loss of some samples: both are 0-dim tensors on the device of the outputs. The loss of a batch is
/// loss_sum / weight, also when both are sums over ranks; times Task::loss_unit for people.
struct LossSum {
  at::Tensor loss_sum;  ///< sum of weight × loss; differentiable
  at::Tensor weight;    ///< sum of the weights
};

/// A loss, and what a model's outputs mean.
class Task {
 public:
  /// `targets`: numbers of a sample's target.
  explicit Task(Head head, std::int64_t targets = 1) : head_(std::move(head)), targets_(targets) {}
  virtual ~Task() = default;
  /// The thresholds of a training task are only placeholders: they are chosen at the end
  /// (TaskKind::choose_thresholds).
  const Head& head() const { return head_; }
  std::int64_t outputs() const { return head_.outputs; }
  std::int64_t targets() const { return targets_; }
  /// Whether the scores of each sample are kept to be judged; else its answers are judged by sums: the loss,
  /// and how many are `right`.
  bool has_scores() const { return head_.form != AnswerForm::tokens; }

  /// `outputs`: [n, outputs()]; `targets`: those of a batch: of a table int64 classes [n], or floats, [n] or
  /// [n, targets()]; `weights`: [n] float64, of the samples, or undefined: all 1. Of tokens: logits [n,
  /// context, vocabulary], int64 [n, context], no weights.
  virtual LossSum loss_sum(const at::Tensor& outputs, const Fields& targets,
                           const at::Tensor& weights = {}) const = 0;
  /// Whether outputs of 16 bits are taken as they are; else they are cast to float32 first.
  virtual bool takes_sixteen_bits(const at::Device&) const { return false; }
  /// What a loss of 1 is in the target's own unit: not 1 where the network learns a scaled target.
  virtual double loss_unit() const { return 1; }
  /// What people and metrics read: probabilities [n, classes], or values [n, outputs()].
  at::Tensor scores(const at::Tensor& outputs) const {
    return answer_scores(head_, scores_of(head_, outputs, at::kDouble));
  }
  /// 0-dim int64: how many answers are the target. Asked of tasks without scores only.
  virtual at::Tensor right(const at::Tensor& outputs, const at::Tensor& targets) const;

 protected:
  /// Of samples that weigh the same: how many there are.
  static at::Tensor count(const at::Tensor& outputs);
  /// The sums of losses [n] with weights [n] of any type.
  static LossSum weighted(const at::Tensor& losses, const at::Tensor& weights);

 private:
  Head head_;
  std::int64_t targets_;
};

/// Numbers of the host that a loss needs on the device: copied once, as a copy from the host cannot be
/// recorded (trainer/step/recorded_step.h).
class PlacedNumbers {
 public:
  explicit PlacedNumbers(const std::vector<double>& numbers);
  bool empty() const { return numbers_.numel() == 0; }
  /// [numbers], on this device and of this type.
  const at::Tensor& on(const at::Device& device, at::ScalarType type) const;

 private:
  at::Tensor numbers_;
  mutable at::Tensor placed_;
};

}  // namespace ringtrain
