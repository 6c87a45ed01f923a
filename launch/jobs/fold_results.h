#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "data/schema/head.h"

namespace ringtrain {

/// What a run on one fold came to, as its job folder tells.
struct FoldResult {
  std::int64_t repeat = 1, fold = 1;
  std::filesystem::path folder;
  std::int64_t step = 0;  ///< of the checkpoint that was measured
  std::int64_t train_rows = 0, test_rows = 0;
  std::vector<std::pair<std::string, double>> metrics;  ///< of the test part, in their order
  Head head;
  std::vector<std::string> labels;  ///< of the classes; empty where the target is a number

  /// Throws Error where the folder does not tell.
  static FoldResult read(const std::filesystem::path& folder, std::int64_t repeat, std::int64_t fold);
};

/// Joins the folds' predictions.csv, by repeat and row: repeat, row (from 0, in the data file), fold, target,
/// answer, and where it is probabilities that answers are made of, score0, score1, ... as there. Classes
/// stand by their names. Several targets are target0, target1, ..., answer0, ... Returns the number of lines.
/// Throws DataError where a fold's file is not what its run says.
std::int64_t write_out_of_fold(const std::filesystem::path& file, const std::vector<FoldResult>& folds);

}  // namespace ringtrain
