#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/fields.h"
#include "data/schema/reading.h"
#include "data/schema/signature.h"

namespace ringtrain {

/// Which number of a date a numeric column is; `none`: the column is a number itself.
enum class DatePart { none, year, month, weekday, hour, days };

/// A numeric column: a missing value becomes `fill` (refused when empty), then (x - shift) * scale.
struct NumericColumn {
  std::string name;
  double shift = 0;
  double scale = 1;
  std::optional<double> fill{};
  /// Its training values lose more than 1e-6 of their deviation in float32: it is read, shifted and scaled
  /// in float64, and then cast.
  bool wide = false;
  DatePart part = DatePart::none;
  std::string source{};  ///< the date column that it is a part of; empty: `name`
  const std::string& column() const { return source.empty() ? name : source; }
};

/// How the words of a categorical column reach the model: as a place in a row of zeros, or as an int64 code,
/// of the place in a vocabulary or of the word's hash, for which the model has a table. What the codes are:
/// word_codes.h.
enum class Encoding { one_hot, embedding, hash };

/// A categorical column. One-hot over `vocabulary`: a word that training did not see gives zeros, and with
/// `missing_is_category` the last place is for missing values (empty text). Others become one code.
struct CategoricalColumn {
  std::string name;
  std::vector<std::string> vocabulary{};  ///< sorted; of `hash` empty
  bool missing_is_category = false;
  /// A missing value, of which training had none here, is like a word that training did not see; otherwise,
  /// and without `missing_is_category`, it is refused.
  bool missing_is_unseen = false;
  Encoding encoding = Encoding::one_hot;
  std::int64_t buckets = 0;    ///< of `hash`
  std::int64_t min_count = 1;  ///< of `embedding`: rarer words of the training part are like unseen ones
  std::string usual{};         ///< the word that stood in most training rows; "" where nobody counted
  bool takes_missing() const { return missing_is_category || missing_is_unseen; }
  bool is_coded() const { return encoding != Encoding::one_hot; }
  /// Features that the model sees; of a coded column none.
  std::int64_t width() const {
    return is_coded() ? 0 : static_cast<std::int64_t>(vocabulary.size()) + (missing_is_category ? 1 : 0);
  }
  /// Whether a word (not a missing one) is one that training learned; with `hash` nobody knows: true.
  bool knows(std::string_view word) const;
};

/// A column that enters the model as a code from 0 to `codes` - 1.
struct CodedColumn {
  std::string name;
  std::int64_t codes = 0;
  bool operator==(const CodedColumn&) const = default;
};

/// The names of a model's inputs where columns are coded: [n, width()] numbers, left out where there are
/// none, and [n, coded columns] int64.
inline constexpr const char* kNumericInput = "numeric";
inline constexpr const char* kCategoriesInput = "categories";

/// How a number to predict is scaled: the network learns (target - shift) / scale.
struct TargetScale {
  double shift = 0;
  double scale = 1;
  bool operator==(const TargetScale&) const = default;
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
  ReadingRules reading;        ///< how values are read
  bool refuse_unseen = false;  ///< a word that training did not see is an error, else it gives zeros
  std::vector<NumericColumn> numeric;
  std::vector<CategoricalColumn> categorical;
  std::vector<std::string> targets;  ///< the columns to predict
  /// Other columns of the training file that the model does not take: a row may have them.
  std::vector<std::string> ignored{};
  /// Names of the classes, in class order; of several targets of 0 and 1 those of the targets; empty for
  /// regression.
  std::vector<std::string> labels;
  std::optional<TokenInput> tokens;  ///< of a language model; then there are no columns
  /// Of a regression, one for each target: the network's output times its scale plus its shift is the answer,
  /// in the target's unit (target_scale.h). Empty: the outputs are the answers.
  std::vector<TargetScale> target_scales{};
  /// Of data of an own kind: the tensors that a network takes, by name; then there are no columns.
  std::optional<Signature> signature{};

  std::int64_t width() const;  ///< features that the model sees: numeric ones, then the one-hot ones
  std::vector<CodedColumn> coded() const;  ///< the columns of the input `categories`, in its order

  bool has_wide() const;
  /// The type of the raw numbers that the exported model takes: float64 where a column is wide, else float32.
  at::ScalarType numeric_type() const;

  /// `numeric_values`: [n, numeric.size()], floating, NaN for missing; `codes`: [n, categorical.size()],
  /// int64, as encode_words makes them (vocabulary.h). Returns the model's inputs: one tensor [n, width()] of
  /// `type`, which is float32, or float64 for values of float64; where columns are coded, it has the name
  /// `numeric`, and `categories` stands beside it. The exported graph is the same operations (operations.h),
  /// so that it gives the same bits.
  Fields apply(const at::Tensor& numeric_values, const at::Tensor& codes, at::ScalarType type) const;

  /// Whether an answer is not its output as it is; then there are `target_scales`.
  bool scales_target() const;
  /// That of target number `target`; where nothing is scaled, 0 and 1.
  TargetScale scale_of(std::size_t target) const;

  nlohmann::json to_json() const;
  /// Throws DataError when a field is missing or of a wrong type, and for a later version. What was written
  /// before schemas had a version is read, and means what it meant.
  static Preprocessing from_json(const nlohmann::json& json);
};

}  // namespace ringtrain
