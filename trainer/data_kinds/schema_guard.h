#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "data/data_config.h"
#include "data/schema/data_schema.h"
#include "trainer/data_kinds/table_parts.h"

namespace ringtrain {

/// By file: the rows, from 0, rising, that a schema keeps out of a run.
using KeptOut = std::map<std::string, std::vector<std::int64_t>>;

/// Holds all rows of a run's files against a schema and does what its on_violation says: throws DataError
/// with all that is wrong, warns, or writes such rows to its quarantine file, as JSON lines, and says how
/// many. Returns those that were written. Rank 0 reads the files. Collective.
KeptOut guard_rows(const DataSchema& schema, const TableConfig& config, Communicator& control);

/// Takes rows out of the parts that they are in. Throws DataError where no training row is left.
void leave_out(TableParts& parts, const TableConfig& config, const KeptOut& kept_out);

}  // namespace ringtrain
