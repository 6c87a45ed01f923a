#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "serving/log/logged_request.h"

namespace ringtrain {

/// What came to be known of a row that was answered.
struct Feedback {
  std::string model;
  std::string request_id;  ///< or
  std::string key;         ///< one of both
  std::int64_t row = 1;    ///< of the request, from 1
  std::string label;       ///< as text; of several values or labels JSON
  UtcTime time;            ///< when it was so
  UtcTime received;
};

/// Reads feedback from JSON: an object {"model", "request_id" or "key", "label", "row", "time"}, or an array
/// of at most 10,000 of them. `row` is 1 where it is left out; `labels` instead of `label` is an array with
/// one for each row of the request. `label` is a text, a number, true or false; an array or object of those
/// where a model has several labels or values. `time` is what utc_of reads, `now` where it is left out, and
/// not more than five minutes after it. Throws DataError with all that is wrong ("feedback 2: …").
std::vector<Feedback> read_feedback(std::string_view json, UtcTime now);

/// Throws DataError for a label that the model cannot have answered: another class, or no number.
void require_possible(const Feedback& feedback, const Manifest& manifest);

/// Feedback to one model as the bytes of a Parquet file: request_id, key, row, label, time, received. Throws
/// Error.
std::string parquet_of_feedback(const std::vector<Feedback>& feedback, const LogColumns& columns);

/// Reads such a file. Throws DataError that names it.
std::vector<Feedback> read_feedback_file(const std::filesystem::path& file, const std::string& model);

}  // namespace ringtrain
