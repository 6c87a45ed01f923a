#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/table/table.h"
#include "launch/commands/labelled_rows.h"

namespace ringtrain {

/// The labelled rows of a table, of a model that reads columns. Throws as labelled_rows.
Table read_labelled(const LabelledRequest& request, const std::string& missing_target);

/// Some rows of a table that was read with this schema.
std::unique_ptr<LabelledRows> rows_of_table(Table table, std::vector<std::int64_t> rows,
                                            const Preprocessing& schema);

}  // namespace ringtrain
