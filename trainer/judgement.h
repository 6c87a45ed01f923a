#pragma once

#include <filesystem>

#include "trainer/evaluation.h"
#include "trainer/metrics/report.h"
#include "trainer/run_config.h"

namespace ringtrain {

/// The decision threshold that the task asks for, chosen on these answers (those of the validation part). 0.5
/// where there is nothing to choose: no rows, or not a binary classification.
double choose_threshold(const Evaluation& validation, const TaskConfig& task);

/// The loss and the task's metrics.
MetricsReport judge(const Evaluation& answers, const TaskConfig& task, double threshold);

/// Writes row, target and scores of each answer as CSV, with as many digits as a float64 needs.
void write_predictions(const std::filesystem::path& file, const Evaluation& answers);

}  // namespace ringtrain
