#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "data/dataset.h"
#include "data/schema/preprocessing.h"
#include "trainer/run_config.h"

namespace ringtrain {

/// Some rows of the test part as they stand in the file, and where they stand in it: an export is checked
/// with them.
struct RowSample {
  at::Tensor numeric;                                 ///< [n, columns] as the exported model takes them
  std::vector<std::vector<std::string>> categorical;  ///< [columns][n]
  std::vector<std::int64_t> places;                   ///< [n] in PreparedData::test
};

/// The data of a run, ready to be trained on: the three parts, preprocessed.
struct PreparedData {
  Preprocessing preprocessing;
  std::unique_ptr<Dataset> train, validation, test;
  std::vector<std::int64_t> class_counts;  ///< of the training part; empty but for classification
  std::string file_hash;
  RowSample test_sample;  ///< of tables; may be empty

  TaskData for_task() const;
};

/// The hash of the content of all files of a run, as `file_hash`. Throws DataError for one that cannot be
/// read.
std::string data_hash(const DataConfig& data);

/// Reads, splits and normalises; tokens as prepared_tokens.h says. `fitted`: the preprocessing of the
/// checkpoint that the run goes on from; else it is fitted on the training part. A rank that cannot read the
/// data, or reads other data than rank 0, ends all of them. Collective.
PreparedData prepare_data(const RunConfig& config, Communicator& control,
                          const std::optional<Preprocessing>& fitted);

}  // namespace ringtrain
