#pragma once

#include <ATen/core/Tensor.h>
#include <arrow/result.h>
#include <arrow/table.h>

#include <memory>

#include "data/data_config.h"
#include "data/schema/column_selection.h"
#include "data/table/table.h"

namespace ringtrain {

/// A file that holds a table, of one of the formats. Inside data/ only: it shows Arrow.
class TableFile {
 public:
  virtual ~TableFile() = default;

  /// Which columns are what. Throws DataError, also for a file without rows.
  virtual ColumnSelection select() const = 0;
  /// The selected columns, in this order: numeric ones as float64, categorical ones as utf8, the target, as
  /// utf8 for classes and else as float64; null where a value is missing.
  virtual arrow::Result<std::shared_ptr<arrow::Table>> read(const ColumnSelection& selection,
                                                            TargetKind kind) const = 0;
  /// Goes through the file once more, in order, and throws DataError for the first value or row that
  /// read_table refuses, with its place. Returns when it finds none: the caller then reports what it saw.
  virtual void throw_first_problem(const ColumnSelection& selection, TargetKind kind,
                                   at::ScalarType dtype) const = 0;
};

/// By the name's ending: Parquet (.parquet, .pq), else CSV. `config` outlives it.
std::unique_ptr<TableFile> open_table_file(const DataConfig& config);

std::unique_ptr<TableFile> open_csv_table(const DataConfig& config);
std::unique_ptr<TableFile> open_parquet_table(const DataConfig& config);

}  // namespace ringtrain
