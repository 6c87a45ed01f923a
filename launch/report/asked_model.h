#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "launch/commands/model_evaluation.h"
#include "launch/report/run_record.h"
#include "serving/predict/predictor.h"
#include "trainer/data_kinds/table_parts.h"
#include "trainer/run_config.h"

namespace ringtrain::report {

/// How much a report may ask of the model and of the data.
struct Effort {
  std::int64_t most_rows = 200'000;          ///< of a part; more are sampled by a hash of their numbers
  std::optional<std::int64_t> most_bytes{};  ///< of the data files; larger ones are not read
  std::optional<std::chrono::steady_clock::time_point> until{};  ///< what is not begun by then is left out
  bool is_over() const { return until && std::chrono::steady_clock::now() > *until; }
};

/// A part of the run's data with what the exported model answers to it.
struct AnsweredPart {
  std::string name;        ///< "validation" or "test"
  std::string file;        ///< that holds its rows
  const Table* table;      ///< of AskedModel::parts
  std::int64_t whole = 0;  ///< rows of the part; `answers.answers.rows` has those that were asked
  ModelAnswers answers;
  const std::vector<std::int64_t>& rows() const { return answers.answers.rows; }
};

/// The data of a run, read again as its configuration says, and the answers of the model that it exported.
class AskedModel {
 public:
  /// Throws an Error that says why nothing can be asked: no export, data that are gone or no table, a
  /// configuration of other kinds, files above the effort's bytes.
  AskedModel(const RunRecord& record, const Catalogue& catalogue, const Effort& effort);

  const Manifest& manifest() const { return predictor_->manifest(); }
  const Catalogue& catalogue() const { return catalogue_; }
  const TableParts& parts() const { return parts_; }
  const std::vector<AnsweredPart>& answered() const { return answered_; }
  /// The test part, or the validation part where that is empty; null where both are.
  const AnsweredPart* shown() const;
  std::uint64_t seed() const { return seed_; }
  /// What the model answers to rows of a table of its columns.
  ModelAnswers answered_rows(const Table& table, std::vector<std::int64_t> rows) const;
  ModelAnswers answered_rows(const Table& table) const;
  /// Whether no part was cut for want of time.
  bool whole() const { return whole_; }

 private:
  void read(const RunRecord& record, const Effort& effort);
  std::int64_t affordable(const Table& table, const std::vector<std::int64_t>& rows, const Effort& effort);

  Catalogue catalogue_;
  std::unique_ptr<Predictor> predictor_;
  TableParts parts_;
  std::vector<AnsweredPart> answered_;
  std::uint64_t seed_ = 0;
  bool whole_ = true;
};

/// The exported version that a run made; none: it has none (yet).
std::optional<std::filesystem::path> exported_version(const RunRecord& record);

/// At most `most` of `rows`, always the same ones, ascending: those whose hashes are the smallest.
std::vector<std::int64_t> sampled(std::vector<std::int64_t> rows, std::int64_t most);

/// Some rows of a table as a table of their own.
Table rows_of_table(const Table& table, const std::vector<std::int64_t>& rows);

/// One numeric column of some rows in float64; NaN for missing.
std::vector<double> numeric_column(const Table& table, std::int64_t column,
                                   const std::vector<std::int64_t>& rows);

}  // namespace ringtrain::report
