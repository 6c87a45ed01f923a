#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/finding.h"
#include "launch/drift/model_rows.h"
#include "launch/drift/served_features.h"

namespace ringtrain::drift {

/// Whether rows are to the served model what they are to training.
struct Skew {
  /// A column of which the exported graph makes other numbers than training's preprocessing.
  struct Column {
    std::string name;
    std::int64_t rows = 0, first_row = 0;  ///< that differ; the first one, from 1
    double trained = 0, served = 0;        ///< there
  };
  /// Answers that a server gave and logged, beside those that the model gives now.
  struct Logged {
    std::int64_t rows = 0, same_bits = 0, other = 0;  ///< other: beyond the tolerance of an export
    std::int64_t first_other = 0;                     ///< from 1
    double largest = 0;
  };
  std::int64_t rows = 0;         ///< that were compared
  std::vector<Column> columns;   ///< in the model's order
  std::string why_not;           ///< they were not compared; "" where they were
  std::optional<Logged> logged;  ///< of a request log

  Findings findings() const;
  nlohmann::ordered_json to_json() const;
};

/// Takes the rows of a model.
class SkewReader {
 public:
  /// `logged`: by row the answers of a log, [rows, width of the head]; empty where there is none.
  /// `predictor` outlives it.
  SkewReader(const Predictor& predictor, std::vector<double> logged);
  void add(const ModelRows::Piece& piece);
  Skew finish() { return std::move(skew_); }

 private:
  void compare(const at::Tensor& trained, const at::Tensor& served, const std::vector<std::size_t>& owners,
               const ModelRows::Piece& piece);
  void compare_logged(const ModelRows::Piece& piece);

  const Predictor& predictor_;
  const std::vector<double> logged_;
  std::unique_ptr<ServedFeatures> served_;
  std::vector<std::string> names_;                        // of the columns
  std::vector<std::size_t> numeric_owner_, coded_owner_;  // the column of each feature
  std::vector<Skew::Column> found_;                       // of each column
  Skew skew_;
};

}  // namespace ringtrain::drift
