#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/config.h"
#include "data/schema/preprocessing.h"
#include "data/schema/reading.h"
#include "serving/predict/predictor.h"

namespace ringtrain {

/// Raw rows, as a model takes them, by the names of their columns. What a name or a value has no meaning for
/// becomes a problem, in words.
class ModelColumns {
 public:
  /// `schema` outlives it: of a model that reads columns.
  explicit ModelColumns(const Preprocessing& schema) : schema_(schema), reading_(schema.reading) {}

  struct Column {
    std::string name;
    bool is_numeric = false;
    std::size_t index = 0;
  };
  /// Throws ConfigError with "did you mean".
  Column column(const std::string& name) const;
  Column numeric_column(const std::string& name) const;

  using Rows = Predictor::Rows;
  using Condition = std::function<bool(const Rows& rows, std::int64_t row)>;
  /// Whether a row has one of these values: words, numbers, "" for a missing one; of a number also "> 5",
  /// ">= 5", "< 5", "<= 5", "1..5". Throws ConfigError for what is none, and for words that training did not
  /// see.
  Condition any_of(const Column& column, const std::vector<std::string>& values) const;
  /// Whether a row fulfils all of a mapping of columns to values. Throws ConfigError with all problems.
  Condition all_of(const config::Mapping& columns) const;

  /// Throws ConfigError for a missing value where the model takes none.
  void require_taken(const Column& column, const std::string& value) const;
  /// Gives a row's column a value of any_of that is one value. Throws ConfigError.
  void set(Rows& rows, const Column& column, std::int64_t row, const std::string& value) const;
  double number(const Rows& rows, const Column& column, std::int64_t row) const;
  void set_number(Rows& rows, const Column& column, std::int64_t row, double value) const;

  static Rows pick(const Rows& rows, const std::vector<std::int64_t>& picks);
  static Rows joined(const std::vector<Rows>& parts);

 private:
  std::string word_of(const Column& column, const std::string& value) const;
  double number_of(const Column& column, const std::string& value) const;

  const Preprocessing& schema_;
  Reading reading_;
};

}  // namespace ringtrain
