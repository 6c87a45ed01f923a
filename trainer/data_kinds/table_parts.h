#pragma once

#include <optional>
#include <string>

#include "data/order/split.h"
#include "data/table/table.h"
#include "trainer/data_kinds/data_kind.h"

namespace ringtrain {

/// The tables of a run: one that is split, or a file for each part.
struct TableParts {
  Table train;
  std::optional<Table> validation, test;  ///< of data.validation_file and data.test_file
  Split split;                            ///< rows of the tables that hold the parts
  const Table& of_validation() const { return validation ? *validation : train; }
  const Table& of_test() const { return test ? *test : train; }
};

/// Where the run goes on from a checkpoint, columns are found by the names of its schema, classes by its
/// labels. Throws DataError, also for a class that only a later part has, and for a
/// training part whose weights are all 0.
TableParts read_parts(const TableConfig& config, const DataRequest& request);

/// Throws DataError for words of the validation and test parts that the schema's training part did not have:
/// by column, with the first row of each (data.unseen: error).
void refuse_unseen(const TableParts& parts, const Preprocessing& schema, const TableConfig& config);

/// Up to 512 rows, evenly spread, of the rows of a part.
RowSample sample_of(const Table& table, const Preprocessing& schema, const std::vector<std::int64_t>& rows);

}  // namespace ringtrain
