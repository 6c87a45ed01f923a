#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace ringtrain {

/// A numeric column: a missing value becomes `fill` (refused when empty), then (x - shift) * scale.
struct NumericColumn {
  std::string name;
  double shift = 0;
  double scale = 1;
  std::optional<double> fill;
};

/// A categorical column, one-hot over `vocabulary`; a word that training did not see gives zeros. With
/// `missing_is_category` the last place is for missing values (empty text).
struct CategoricalColumn {
  std::string name;
  std::vector<std::string> vocabulary;
  bool missing_is_category = false;
  std::int64_t width() const {
    return static_cast<std::int64_t>(vocabulary.size()) + (missing_is_category ? 1 : 0);
  }
};

/// What turns raw columns into the model's input, fitted on the training part and carried into checkpoints
/// and exports, so that training and serving cannot differ.
struct Preprocessing {
  std::vector<NumericColumn> numeric;
  std::vector<CategoricalColumn> categorical;
  std::string target;
  std::vector<std::string> labels;  ///< names of the classes, in class order; empty for regression

  std::int64_t width()
      const;  ///< features that the model sees: numeric columns, then the one-hot columns, in order

  /// `numeric_values`: [n, numeric.size()], floating, NaN for missing; `codes`: [n, categorical.size()],
  /// int64: the place of the word in the vocabulary, vocabulary.size() for missing, -1 for unknown. Returns
  /// [n, width()] of numeric_values' dtype. The same ATen operations, in the same order, as the exported
  /// graph.
  at::Tensor apply(const at::Tensor& numeric_values, const at::Tensor& codes) const;

  nlohmann::json to_json() const;
  /// Throws DataError when a field is missing or of a wrong type.
  static Preprocessing from_json(const nlohmann::json& json);
};

}  // namespace ringtrain
