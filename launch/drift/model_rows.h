#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "serving/batch/row_source.h"
#include "serving/predict/predictor.h"

namespace ringtrain::drift {

/// The rows of files as a model reads them, with its answers, and the truth where the files have the target's
/// column. Rows are in the order of the files.
class ModelRows {
 public:
  struct Piece {
    RowBatch batch;                   ///< values that cannot be read are missing ones
    std::int64_t first = 0;           ///< the number of its first row among all, from 0
    std::vector<std::int64_t> good;   ///< those that the model answers, by their places in the batch
    at::Tensor answers;               ///< [good, width]: probabilities or values
    at::Tensor classes;               ///< [good] int64 of one class a row; else undefined
    std::vector<std::string> truths;  ///< [n] the target's text, "" for none; empty without a column of it
    /// [n] of numeric column `column`, NaN for missing.
    std::vector<double> numbers(std::size_t column) const;
  };

  /// `data`: a file or folder, as `predict --input` takes them. `predictor` outlives it. Throws DataError;
  /// ConfigError for a model that reads no columns.
  ModelRows(const Predictor& predictor, const std::string& data);

  /// The next rows; false at the end.
  bool next(Piece& piece);
  /// Of the files, read so far and in all, about.
  std::int64_t bytes() const { return source_->bytes(); }
  std::int64_t all_bytes() const { return all_bytes_; }
  bool has_truth() const { return has_truth_; }
  std::int64_t rows() const { return rows_; }        ///< so far
  std::int64_t refused() const { return refused_; }  ///< of those, rows that the model does not answer
  const std::string& first_refusal() const { return first_refusal_; }

 private:
  const Predictor& predictor_;
  bool has_truth_ = false;
  std::unique_ptr<RowSource> source_;
  std::int64_t rows_ = 0, refused_ = 0, all_bytes_ = 0;
  std::string first_refusal_;
};

}  // namespace ringtrain::drift
