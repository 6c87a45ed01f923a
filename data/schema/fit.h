#pragma once

#include "comm/communicator.h"
#include "data/data_config.h"
#include "data/schema/preprocessing.h"
#include "data/table/table.h"

namespace ringtrain {

/// Fits the preprocessing on the rows `train_rows` only: each rank adds up its share in float64 and the sums
/// are reduced over `control` (two passes: mean, then deviation). A constant column gets scale 1.
/// Vocabularies are those of the training rows, sorted; of an embedded column without rare words
/// (features.min_count). Throws DataError for a target with one class only and for a column of more words
/// than its encoding takes, on all ranks alike. Collective.
Preprocessing fit_preprocessing(const TableConfig& config, const Table& table,
                                const std::vector<std::int64_t>& train_rows, Communicator& control);

}  // namespace ringtrain
