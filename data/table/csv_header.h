#pragma once

#include <string>
#include <vector>

#include "data/table/csv_scanner.h"

namespace ringtrain {

/// Reads the header, the scanner's first record: the names of the columns that rows have, in their order,
/// without blanks around them. Throws DataError for an empty file, and one that names all columns without a
/// name and all names that occur more than once, with their places.
std::vector<std::string> read_header(CsvScanner& scanner);

}  // namespace ringtrain
