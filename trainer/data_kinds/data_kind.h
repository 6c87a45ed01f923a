#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "common/config.h"
#include "data/data_config.h"
#include "data/dataset.h"
#include "data/order/epoch_order.h"
#include "data/schema/preprocessing.h"
#include "models/model.h"
#include "trainer/tasks/task_kind.h"

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
  std::int64_t features = 0;            ///< numbers of a sample that the model sees; of tokens 0
  std::vector<CodedColumn> categories;  ///< codes of a sample that it sees besides
  std::unique_ptr<Dataset> train, validation, test;
  std::vector<std::int64_t> class_counts;  ///< of the training part; empty but for classification
  std::string file_hash;                   ///< of the content of all files of the run
  RowSample test_sample;                   ///< of tables; may be empty
  /// Of a table: what is unusual about it, and rows of the training file that are in no part.
  struct LeftOut {
    std::string note;
    std::int64_t dropped_rows = 0, bad_rows = 0;
    std::string first_bad_row;
  } left_out{};
  std::int64_t train_file_rows = 0;  ///< of a table in blocks
  /// The order in which the training part is read; blocks empty: in memory, all rows permuted.
  EpochOrder::Options order{};

  TaskData for_task() const;
};

/// What data need to know of a run.
struct DataRequest {
  const std::string& train_file;
  const TaskKind& task;
  const ModelKind& model;
  std::uint64_t seed;
  at::ScalarType type;  ///< of inputs, and of targets that are numbers: float32 or float64
  /// That of the checkpoint that the run goes on from; else it is fitted on the training part.
  const std::optional<Preprocessing>& fitted;
  std::int64_t global_batch_size = 1;
  int ranks_of_host = 1;
};

/// One kind of data with its options: the `data:` block of a configuration with this `format`.
class DataKind {
 public:
  virtual ~DataKind() = default;
  /// A copy with options of its own.
  virtual std::shared_ptr<DataKind> clone() const = 0;
  virtual std::string name() const = 0;
  virtual std::string doc() const = 0;
  virtual void describe(config::Visitor& v) = 0;

  /// Whether samples are tokens, in place of rows of features.
  virtual bool gives_tokens() const { return false; }
  /// Whether it reads data.train_file.
  virtual bool reads_file() const { return true; }
  /// Whether an exported model can take such data: `preprocessing` says all of what it takes. Data of an own
  /// kind say it by its `signature`, which their batches then have (collate.h makes them).
  virtual bool can_be_exported() const { return false; }
  /// What others who read the same tables need to know; of another kind nothing.
  virtual std::optional<TableConfig> table(const std::string& /*train_file*/) const { return std::nullopt; }

  /// Of the content of all files of a run, as PreparedData::file_hash. Throws DataError for one that cannot
  /// be read.
  virtual std::string hash(const std::string& train_file) const = 0;
  /// A rank that cannot read the data, or reads other data than rank 0, ends all of them. Collective.
  virtual PreparedData prepare(const DataRequest& request, Communicator& control) const = 0;
};

/// Rows of CSV and Parquet files.
std::shared_ptr<DataKind> table_kind();
/// Token numbers.
std::shared_ptr<DataKind> tokens_kind();
/// All of them, each with default options.
std::vector<std::shared_ptr<DataKind>> built_in_data();

}  // namespace ringtrain
