#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trainer/checks/goal.h"
#include "trainer/data_kinds/data_kind.h"
#include "trainer/tasks/task.h"

namespace ringtrain::checks {

/// A column of the table, as training reads it.
struct ColumnPlace {
  std::string name;
  bool category = false;
  std::int64_t first = 0, width = 1;  ///< its columns of ColumnPart::features
  double shift = 0, scale = 1;        ///< a feature is (number - shift) * scale
};

/// Rows of one part: all of them, or as many as are looked at, evenly spread.
struct ColumnPart {
  std::int64_t all_rows = 0;
  std::vector<std::vector<double>> columns;  ///< [columns][n]: features of numbers, codes of words (-1: none)
  at::Tensor features;                       ///< [n, width] float64: numbers, and words one-hot
  std::vector<double> target;                ///< [n] of the first target: the class, or the value
  std::vector<std::int64_t> places;          ///< [n] the row of the file, from 0
  std::size_t rows() const { return target.size(); }
};

/// What checks of columns look at: the data of a run as the network gets them, taken apart into the columns
/// of the table that they were made of.
struct Columns {
  std::vector<ColumnPlace> names;
  Goal goal;
  std::array<ColumnPart, 3> parts;  ///< training, validation, test
  bool whole = true;                ///< all rows are here

  const ColumnPart& train() const { return parts[0]; }
  /// All parts, one below the other.
  ColumnPart joined(std::size_t most_rows) const;
  /// The number of a column that a feature stands for.
  double raw(std::size_t column, double feature) const {
    return names[column].category ? feature : feature / names[column].scale + names[column].shift;
  }
};
inline constexpr std::array<const char*, 3> kPartNames{"training", "validation", "test"};

/// Why `data` have no columns ("" where they have): tokens, and data of an own kind.
std::string why_no_columns(const PreparedData& data, const Task& task);

/// `most_cells`: values of a part that are read. Precondition: why_no_columns is "".
Columns columns_of(const PreparedData& data, const Task& task, std::int64_t most_cells);

}  // namespace ringtrain::checks
