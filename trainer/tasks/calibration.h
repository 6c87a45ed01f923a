#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "trainer/tasks/answers.h"
#include "trainer/tasks/task.h"

namespace ringtrain {

/// Throws ConfigError for a head whose answers are no probabilities by a softmax or sigmoid at the end, and
/// for a validation part without rows.
void require_calibration(const Head& head, std::int64_t validation_rows);

/// The temperature T with which the outputs z / T fit `answers` best: the least mean cross entropy (Guo et
/// al. 2017, "On Calibration of Modern Neural Networks", section 4.2). It is found from the probabilities
/// alone, whose logarithms are the outputs but for what a softmax leaves out. In [kLeastTemperature,
/// kMostTemperature]; 1 without rows. Rows count alike. Collective, and the same bits on any number of ranks.
double fit_temperature(const Head& head, const Evaluation& answers);
inline constexpr double kLeastTemperature = 0.05, kMostTemperature = 20;

/// "calibrated on the validation part: ...", with its loss before and after.
std::string told_calibration(double temperature, double before, double after);

/// A head whose outputs are divided by `temperature` first.
Head calibrated(Head head, double temperature);

/// The temperature of a head that `calibrated` made; 1 of any other.
double temperature_of(const Head& head);

/// The task whose outputs are divided by a temperature: its head, its scores and its loss are of those.
class CalibratedTask : public Task {
 public:
  CalibratedTask(std::unique_ptr<Task> task, double temperature)
      : Task(calibrated(task->head(), temperature), task->targets()),
        task_(std::move(task)),
        temperature_(temperature) {}
  LossSum loss_sum(const at::Tensor& outputs, const Fields& targets,
                   const at::Tensor& weights) const override;
  double loss_unit() const override { return task_->loss_unit(); }

 private:
  std::unique_ptr<Task> task_;
  double temperature_;
};

}  // namespace ringtrain
