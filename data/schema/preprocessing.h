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

/// What a language model reads instead of columns.
struct TokenInput {
  std::int64_t context = 0;          ///< tokens seen at once
  std::int64_t vocabulary = 0;       ///< how many tokens there are
  std::vector<std::string> texts{};  ///< what each stands for; empty when nobody said
};

/// What turns raw columns into the model's input, fitted on the training part and carried into checkpoints
/// and exports, so that training and serving cannot differ.
struct Preprocessing {
  std::vector<NumericColumn> numeric;
  std::vector<CategoricalColumn> categorical;
  std::string target;
  std::vector<std::string> labels;   ///< names of the classes, in class order; empty for regression
  std::optional<TokenInput> tokens;  ///< of a language model; then there are no columns
  /// Of a regression: the network's output times `target_scale` plus `target_shift` is the answer, in the
  /// target's unit (target_scale.h). 1 and 0 leave it as it is.
  double target_shift = 0, target_scale = 1;

  std::int64_t width()
      const;  ///< features that the model sees: numeric columns, then the one-hot columns, in order

  /// `numeric_values`: [n, numeric.size()], floating, NaN for missing; `codes`: [n, categorical.size()],
  /// int64: the place of the word in the vocabulary, vocabulary.size() for missing, -1 for unknown
  /// (vocabulary.h makes them). Returns [n, width()] of numeric_values' dtype. The exported graph is the same
  /// operations in the same order, so that it gives the same bits:
  ///
  ///   fill, shift, scale    [numeric.size()], rounded from float64 to numeric_values' dtype
  ///   x = where(isnan(x), fill, x)     only if a column has a fill; NaN in `fill` for those that have none
  ///   x = (x - shift) * scale          always, also where shift is 0 and scale is 1
  ///   one-hot of column k:  eq(codes[:, k : k + 1], arange(width of k)) as numeric_values' dtype
  ///   cat([x, one-hot of column 0, ...], dim 1); x alone without categorical columns
  at::Tensor apply(const at::Tensor& numeric_values, const at::Tensor& codes) const;

  bool scales_target() const { return target_shift != 0 || target_scale != 1; }

  nlohmann::json to_json() const;
  /// Throws DataError when a field is missing or of a wrong type.
  static Preprocessing from_json(const nlohmann::json& json);
};

}  // namespace ringtrain
