#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>

#include "comm/averaging/gradient_reduction.h"
#include "comm/device_graph.h"
#include "data/dataset.h"
#include "trainer/run_config.h"
#include "trainer/step/pass.h"
#include "trainer/step/replica.h"
#include "trainer/tasks/task.h"

namespace ringtrain {

/// A whole training step (forward, backward, averaging, clipping, the optimizer) recorded once and replayed:
/// on a GPU one launch in place of thousands. Each rank records its own; the data that moves between ranks is
/// that of the plain step, so that a rank may take the one and another rank the other.
///
/// What the host decides in a plain step is computed on the device here: a step whose loss or norm is not
/// finite, or that failed on a rank, leaves the weights alone, and the host, which sees it afterwards,
/// explains it with the weights that it began with.
class RecordedStep {
 public:
  /// Why a run of this configuration cannot be recorded; nothing where it can.
  static std::optional<std::string> obstacle(const RunConfig& config);
  /// Whether a step needs the gradient's norm. Of all ranks those that replay a recorded step take part in
  /// summing it up, so the others must, too.
  static bool takes_norm(const TrainerConfig& config);

  /// What it and `pass` are given outlives it.
  RecordedStep(const RunConfig& config, const Pass& pass, GraphRecorder recorder);

  /// Whether this batch is worked through by the graph: after the plain steps that warm up, and of the size
  /// for which it is recorded, the largest of these. Others, as the last of an epoch, take the plain step.
  bool takes(const Batch& batch) const;
  /// What a plain step has done: counts as warm-up.
  void warmed_up(const Batch& batch);
  bool recorded() const { return graph_ != nullptr; }

  struct Numbers {
    StepTotals totals;  ///< of all ranks
    /// Of the divided gradient, before clipping; 0 where nothing needs it (takes_norm).
    double norm = 0;
  };
  /// Records the step, which does nothing yet. Not collective. Throws what recording throws; the plain step
  /// can still take the batch.
  void record(const Batch& batch);
  /// One step by the graph. `loss_scale`: 1 but in float16.
  Numbers run(const Batch& batch, double lr, double loss_scale, bool stop);

 private:
  bool has_known_shapes(const Batch& batch) const;
  void work();
  void update();
  double global_batch_size() const { return static_cast<double>(config_.trainer.global_batch_size); }

  const RunConfig& config_;
  Pass pass_;
  Replica& replica_;
  GradientReduction& reduction_;
  GraphRecorder recorder_;
  std::unique_ptr<DeviceGraph> graph_;
  int warm_ = 0;
  std::int64_t size_ = 0;  // of the batches that it takes
  Fields inputs_, targets_;
  at::Tensor weights_;
  at::Tensor numbers_;  // StepTotals and the norm
  at::Tensor mine_;     // what the host puts into StepTotals before the step
  at::Tensor lr_;       // of each kind of parameters
  at::Tensor scale_;    // of the loss, [] float32; undefined but in float16
};

}  // namespace ringtrain
