#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "data/column_selection.h"
#include "data/data_config.h"
#include "data/table.h"

namespace ringtrain {

/// Goes through the file once more, in order, and throws DataError for the first value or row that read_table
/// refuses, with its place. Returns when it finds none: the caller then reports what it saw itself.
void throw_first_problem(const DataConfig& config, const ColumnSelection& selection, TargetKind kind,
                         at::ScalarType dtype);

}  // namespace ringtrain
