#pragma once

#include <filesystem>

#include "trainer/tasks/answers.h"

namespace ringtrain {

/// Writes row, target and scores of each answer as CSV, with as many digits as a float64 needs. Several
/// targets are target0, target1, ... Rank 0 writes the file, the rows of all ranks in rank order, which come
/// to it a piece of text at a time: no rank holds more than its own rows. Readers see the old content or the
/// whole new one. Collective; where it fails on one rank it throws on all.
void write_predictions(const std::filesystem::path& file, const Evaluation& answers);

}  // namespace ringtrain
