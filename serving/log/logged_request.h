#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "serving/log/log_files.h"
#include "serving/predict/predictor.h"

namespace ringtrain {

/// A request that was answered.
struct LoggedRequest {
  std::string model;
  std::int64_t version = 0;
  std::shared_ptr<const Predictor> predictor;  ///< that answered it; of a model with columns
  std::string id;
  UtcTime time;
  std::vector<std::string> keys;  ///< [n] of the column that tells rows apart; empty without one
  Predictor::Rows rows;           ///< [n]
  Predictor::Answers answers;     ///< [n]

  std::int64_t size() const { return rows.size(); }
  /// Numbers and words.
  std::int64_t values() const;
};

/// Which columns of rows are not kept as they are. A pattern may have `*` for any characters.
struct LogColumns {
  std::vector<std::string> leave_out;  ///< not at all
  std::vector<std::string> hash;  ///< as the XXH3 of their text, 16 hexadecimal digits: equal values stay
                                  ///< equal; who can guess a value can check the guess
  std::string key;                ///< the column that tells rows apart; "" for none

  bool leaves_out(const std::string& column) const;
  bool hashes(const std::string& column) const;
  /// A key as it is kept, of requests and of feedback.
  std::string kept_key(const std::string& value) const;
};

/// Requests that one version answered, as the bytes of a Parquet file:
///   request.id, request.row (from 1), request.time (UTC), request.key;
///   the model's columns by their names, as they came: numbers in the digits that the model reads, words,
///   dates in UTC (to the minute, to the second where the model reads float64); missing values are null;
///   answer.class, answer.label, answer.p_NAME of each class; or answer.is_NAME and answer.p_NAME of each
///   label; or answer.prediction, or answer.prediction_NAME of each of several values.
/// `dropped`: rows that were not written before these. Throws Error.
std::string parquet_of_requests(const std::vector<LoggedRequest>& requests, const LogColumns& columns,
                                std::size_t dropped);

}  // namespace ringtrain
