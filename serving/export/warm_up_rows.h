#pragma once

#include <string>

#include "data/schema/preprocessing.h"

namespace ringtrain {

/// What an export writes as warmup.json, which a server answers to itself before a version goes live:
/// {"instances": [row, …]}, eight rows by column names, or by a signature's (fewer of large ones; what is
/// padded gets longer from row to row). Numbers lie around each column's shift, words are
/// those of the vocabulary, the last row has missing values where the model takes them. No row of the data is
/// among them. A pure function.
std::string warm_up_rows(const Preprocessing& preprocessing);

}  // namespace ringtrain
