#pragma once

#include <string>

#include "serving/batch/row_batch.h"

namespace ringtrain {

/// Answers as text, a row a line.
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
  void begin(std::string& text, const RowBatch& batch, std::size_t row) const;
  void append_error(std::string& text, const std::string& error) const;
  void append_answer(std::string& text, const Predictor::Answers& answers, std::int64_t row) const;

  const Manifest& manifest_;
  bool json_;
  std::string key_;
  std::vector<std::string> labels_;  ///< of the classes, as they are written
};

}  // namespace ringtrain
