#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/data_config.h"

namespace ringtrain {

/// How the target column is read.
enum class TargetKind {
  classes,  ///< words or whole numbers; each distinct one a class
  number    ///< a floating number
};

/// A data file in memory, as declared: raw, not normalised. Rows keep the file's order.
struct Table {
  std::vector<std::string> numeric_names;
  std::vector<std::string> categorical_names;
  at::Tensor numeric;  ///< [rows, numeric], float32 or float64, NaN for missing
  std::vector<std::vector<std::string>> categorical;  ///< [categorical][rows], "" for missing
  std::string target_name;
  std::vector<std::string> labels;  ///< classes: sorted, numbers by value, else by text
  at::Tensor target;  ///< [rows]: int64 class (index into labels) or a float of numeric's dtype; empty
                      ///< without target
  std::int64_t rows() const { return numeric.defined() ? numeric.size(0) : 0; }
};

/// Reads a CSV file (also .gz) with a header line, or a Parquet file (.parquet, .pq), through Arrow. Numbers
/// that are not numbers, columns that are not there, missing values that `config.missing` refuses, infinite
/// values, and a target that is missing throw DataError that names file, row (1 is the first data row; of CSV
/// with its line in the file), column, what was found, and what to do. `dtype`: at::kFloat or at::kDouble.
Table read_table(const DataConfig& config, TargetKind target, at::ScalarType dtype);

}  // namespace ringtrain
