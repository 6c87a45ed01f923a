#pragma once

#include <string>
#include <vector>

#include "serving/batch/row_batch.h"

namespace ringtrain {

/// Answers as text, a row a line. The columns of CSV, before "error", by the form of the manifest's head:
/// class, label, p_NAME of each class; is_NAME (0 or 1) of each label, then p_NAME of each; prediction, or
/// prediction_NAME of each of several values.
class AnswerText {
 public:
  /// `form`: "jsonl" or "csv". `key`: the field that is carried, "" for none. Throws ConfigError for another
  /// form, and for a language model in CSV. `manifest` outlives it.
  AnswerText(const Manifest& manifest, std::string form, std::string key);
  /// The header of a CSV file; "" for JSON lines.
  std::string header() const;
  /// The lines of a batch. `answers`: of its good rows. `errors` grows by the rows that have none.
  std::string lines(const RowBatch& batch, const Predictor::Answers& answers, std::int64_t& errors) const;

 private:
  std::vector<std::string> columns() const;  ///< of a CSV file, between the key and the error
  void begin(std::string& text, const RowBatch& batch, std::size_t row) const;
  void append_error(std::string& text, const std::string& error) const;
  void append_answer(std::string& text, const Predictor::Answers& answers, std::int64_t row) const;
  void append_class(std::string& text, std::int64_t index) const;
  void append_labels(std::string& text, const at::Tensor& labels, std::int64_t row) const;
  void append_probabilities(std::string& text, const at::Tensor& probabilities, std::int64_t row) const;
  void append_prediction(std::string& text, const at::Tensor& predictions, std::int64_t row) const;

  const Manifest& manifest_;
  bool json_;
  std::string key_;
  std::vector<std::string> names_;  ///< of the classes, labels or several values, as they are written
};

}  // namespace ringtrain
