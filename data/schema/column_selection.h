#pragma once

#include <string>
#include <vector>

#include "data/data_config.h"
#include "data/schema/preprocessing.h"
#include "data/table/column_stream.h"

namespace ringtrain {

/// Which columns of a file are what.
struct ColumnSelection {
  std::vector<NumericField> numeric;
  std::vector<std::string> categorical;
  std::vector<std::string> targets;
  std::string weight{};                ///< "" for none
  std::vector<std::string> left_out;   ///< index columns, and those that a fitted schema does not have
  std::vector<std::string> ignored{};  ///< all others: no features, no targets
  std::string group{}, time{};         ///< of data.split; "" for none. They may be features, too
};

/// The encodings that `features` asks for of categorical columns, by their names. Throws DataError for a
/// pattern of features.encodings that none of them matches, and for a column that two of its lists match: all
/// of them at once.
std::vector<Encoding> encodings_of(const FeaturesConfig& features, const std::vector<std::string>& columns);

/// Numeric columns are those that `features.numeric` names, less the ignored ones, the categorical ones,
/// dates, the targets and the weight, in the file's order; after them the parts of dates. Index columns are
/// left out where no name is exactly theirs. Throws DataError for a target, weight, group or time that is not
/// there, patterns that match no column (with the name that was probably meant), and no feature at all: all
/// of them at once.
ColumnSelection select_columns(const TableConfig& config, const FileColumns& columns);

/// The columns of a fitted schema, in its order, by their names in the file; targets and weight are those of
/// `config`. Throws DataError that names all that are not there, and for another number of targets than the
/// schema's.
ColumnSelection select_columns(const Preprocessing& schema, const TableConfig& config,
                               const FileColumns& columns);

/// The columns that a schema reads, for a stream.
WantedColumns columns_of_schema(const Preprocessing& schema, const CsvConfig& csv = {});

}  // namespace ringtrain
