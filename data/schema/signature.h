#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace ringtrain {

/// One tensor of a sample. In a batch it has the samples as a dimension before its own.
struct TensorInput {
  std::string name;                  ///< an identifier: exported models have arguments of this name
  at::ScalarType type = at::kFloat;  ///< float32, float64, int64 or bool
  std::vector<std::int64_t> dims{};  ///< of one sample; empty: one value
  /// A sample may have fewer entries along the first dimension: the others, behind them, are this.
  std::optional<double> pad{};
  /// Of a padded input: the input that says which entries were given (1) and which are padding (0). It is
  /// made, never given. Empty: none.
  std::string mask{};
  /// Of int64: values lie in [0, below), as the rows of an embedding. 0: any value.
  std::int64_t below = 0;

  std::int64_t values() const;  ///< of one sample
};

/// What a network takes that is neither columns nor tokens: named tensors, in the order of the exported
/// model's arguments.
struct Signature {
  std::vector<TensorInput> inputs;

  const TensorInput* find(std::string_view name) const;  ///< null where there is none
  /// The padded input whose mask this is; null where it is given as it is.
  const TensorInput* masked_by(std::string_view mask) const;
  /// Those that a sample gives: all but the masks.
  std::vector<const TensorInput*> given() const;
  std::int64_t values() const;  ///< of one sample, masks included

  /// Throws DataError with all that is wrong: a name that is taken or no identifier, a type that no format
  /// has, sizes below 1, a pad without a dimension or beside the type, a mask that does not fit.
  void require_valid() const;

  nlohmann::json to_json() const;
  /// Throws DataError when a field is missing or of a wrong type, or the signature is not valid.
  static Signature from_json(const nlohmann::json& json);
};

/// "float32 [24, 3]".
std::string text_of(const TensorInput& input);

/// "float32", "float64", "int64", "bool".
const char* type_name(at::ScalarType type);

}  // namespace ringtrain
