#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "data/dataset.h"
#include "trainer/run_config.h"
#include "trainer/step/replica.h"
#include "trainer/tasks/task.h"

namespace ringtrain {

/// The memory of a rank's step on its device, in bytes.
struct StepMemory {
  std::int64_t parameters = 0;
  std::int64_t gradients = 0;
  std::int64_t optimizer = 0;    ///< its state, of this rank
  std::int64_t copies = 0;       ///< of the parameters in 16 bits
  std::int64_t activations = 0;  ///< the most that forward and backward of a piece of the batch hold
  std::int64_t samples = 0;      ///< of that piece

  std::int64_t total() const { return parameters + gradients + optimizer + copies + activations; }
  /// In words, for the log.
  std::string text() const;
};

/// Before the first step: what it will take. Activations are measured with two samples and with three, and
/// go on in proportion. Leaves weights, buffers and gradients (zero) as they are. Nothing where there are
/// less than three samples, or the model cannot take so few. Not collective; not within a communicator's
/// hooks.
std::optional<StepMemory> predict_step_memory(const RunConfig& config, const Task& task, Replica& replica,
                                              const Dataset& train, const at::Device& device, int world_size);

}  // namespace ringtrain
