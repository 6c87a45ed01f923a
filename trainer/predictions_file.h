#pragma once

#include <filesystem>

#include "trainer/tasks/answers.h"

namespace ringtrain {

/// Writes row, target and scores of each answer as CSV, with as many digits as a float64 needs. Several
/// targets are target0, target1, ...
void write_predictions(const std::filesystem::path& file, const Evaluation& answers);

}  // namespace ringtrain
