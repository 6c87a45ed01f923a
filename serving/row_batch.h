#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "serving/predictor.h"

namespace ringtrain {

/// One raw row: numbers (NaN for missing) and words ("" for missing) in manifest order, or why it cannot be
/// answered.
struct RawRow {
  std::vector<float> numbers;
  std::vector<std::string> words;
  std::string error;  ///< empty when the row is good
};

/// Says which missing values the model cannot fill: "" or "field 'V7': missing value, …".
std::string missing_value_error(const Preprocessing& preprocessing, const std::vector<float>& numbers,
                                const std::vector<std::string>& words);

/// Writes answers in input order: rows are gathered, and answered in batches.
class AnswerWriter {
 public:
  /// Throws ConfigError for an unknown `options.output` or a batch size below 1. Writes the header of a CSV
  /// output.
  AnswerWriter(const Predictor& predictor, std::ostream& out, const PredictOptions& options);
  void add(RawRow row);
  /// Answers what is left; returns how many rows had an error. Throws Error when `out` cannot be written.
  std::int64_t finish();

 private:
  void flush();
  void write_answer(const Predictor::Answers& answers, std::int64_t row);
  void write_error(const std::string& text);

  const Predictor& predictor_;
  std::ostream& out_;
  PredictOptions options_;
  std::vector<RawRow> rows_;
  std::int64_t errors_ = 0;
  std::int64_t rows_before_ = 0;
};

}  // namespace ringtrain
