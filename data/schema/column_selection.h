#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/data_config.h"

namespace ringtrain {

/// Which columns of a file are what, each list in the file's order.
struct ColumnSelection {
  std::vector<std::string> numeric;
  std::vector<std::string> categorical;
  std::string target;
};

/// Numeric columns are those that `features.numeric` names, less the ignored ones, the categorical ones and
/// the target. Throws DataError for a target that is not there, a pattern that matches no column (with the
/// name that was probably meant), and no feature at all.
ColumnSelection select_columns(const DataConfig& config, const std::vector<std::string>& header);

}  // namespace ringtrain
