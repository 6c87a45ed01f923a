#pragma once

#include "data/data_config.h"
#include "data/schema/preprocessing.h"

namespace ringtrain {

/// As what data.split.time is read: as dates (data/schema/dates.h), in days since 1970, where
/// the first of its values that is not missing is one; else as numbers. Reads
/// the file until there is one. Throws DataError where it cannot be read.
DatePart part_of_time(const TableConfig& config, const ReadingRules& reading);

}  // namespace ringtrain
