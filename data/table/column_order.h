#pragma once

#include "data/schema/preprocessing.h"
#include "data/table/table.h"

namespace ringtrain {

/// Gives a table the columns that `preprocessing` was fitted on, in its order, by name: a file may have them
/// in another order. Returns the names of the columns that it does not know, which are left out. Throws
/// DataError that names those that the table lacks.
std::vector<std::string> order_columns(const Preprocessing& preprocessing, Table& table);

}  // namespace ringtrain
