#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "serving/predict/predictor.h"

namespace ringtrain {

/// What --key carries from a row to its answer.
struct RowKey {
  std::string text;
  bool is_text = true;  ///< else JSON: a number, true, false, null
};

/// Some rows of a file, as they are to be answered.
struct RowBatch {
  Predictor::Rows rows;               ///< of all rows; those with an error hold anything
  std::vector<std::int64_t> lengths;  ///< [n] tokens that are given, of a language model alone
  std::vector<std::string> errors;    ///< [n] "" for a good row; else its text, which names the row
  std::vector<RowKey> keys;           ///< [n] where a key is wanted
  std::int64_t first_row = 0;         ///< the number of its first row in its file, from 0
  std::string file;                   ///< named in errors where there are several files; else ""

  std::size_t size() const { return errors.size(); }
  /// "row 3" or "b.csv, row 3" of row `index` of the batch.
  std::string place(std::size_t index) const;
  /// Room for `count` rows whose values are all missing.
  void clear(const Preprocessing& preprocessing, std::size_t count, bool with_keys);
  /// Forgets the rows from `count` on.
  void shrink(std::size_t count);
  /// The rows without an error.
  Predictor::Rows good_rows() const;
};

/// Room for `count` rows whose values are all missing; of a model with columns. Throws DataError for more
/// than kMostValues in all: a body of {} after {} would take a thousand times its size.
constexpr std::int64_t kMostValues = std::int64_t{1} << 26;
Predictor::Rows missing_rows(const Preprocessing& preprocessing, std::int64_t count);

/// Why a row cannot be answered: "" or "field 'V7': missing value, …", or a word that training did not see,
/// where data.unseen refuses those.
std::string value_error(const Preprocessing& preprocessing, const Predictor::Rows& rows, std::size_t row);

}  // namespace ringtrain
