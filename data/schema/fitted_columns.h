#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/data_config.h"
#include "data/schema/preprocessing.h"
#include "data/table/column_stream.h"

namespace ringtrain {

/// A word, and in how many training rows it stands.
using WordCount = std::pair<std::string, std::int64_t>;

/// What fitting measured on the training rows of a table, wherever they are.
struct FittedColumns {
  struct Numeric {
    NumericField field;
    double mean = 0, deviation = 0, low = 0, high = 0;
    bool wide = false;
  };
  struct Categorical {
    std::string name;
    Encoding encoding = Encoding::one_hot;
    std::vector<WordCount> words;  ///< each once, in any order; of `hash` empty
    bool has_missing = false;
  };
  std::vector<Numeric> numeric;
  std::vector<Categorical> categorical;
  std::vector<std::string> targets, labels;
  std::vector<std::string> ignored{};  ///< other columns of the file
};

/// The preprocessing that follows. A constant column gets scale 1; vocabularies are sorted. Throws DataError
/// for an embedded column without a word.
Preprocessing make_preprocessing(const TableConfig& config, const FittedColumns& fitted);

/// Throws DataError where a column has more words than its encoding takes.
void require_few_words(std::size_t words, const std::string& column, Encoding encoding);
/// Throws DataError where a column of numbers has none.
void require_values(double count, const std::string& column);
/// Throws DataError for a classification with one class; `rows`: of the table.
void require_two_classes(const TableConfig& config, const std::vector<std::string>& labels,
                         std::int64_t rows);
/// Whether values lose more than 1e-6 of their deviation in float32. `lost`: the mean of the squared errors.
bool is_wide(double lost, double deviation);

}  // namespace ringtrain
