#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "data/schema/preprocessing.h"

namespace ringtrain {

/// One step from a schema's named tensors to the model's features. The list of them is rendered to ATen
/// (Preprocessing::apply), TorchScript (serving/torchscript) and ONNX (serving/onnx; SavedModel is made of
/// that), operation by operation, so that all of them give the same bits.
struct Operation {
  enum class Kind {
    cast,     ///< to `type`
    fill,     ///< where(isnan(x), a, x); a: [columns], NaN where nothing is filled
    scale,    ///< (x - a) * b; a, b: [columns], rounded from float64 to `type`
    choose,   ///< where(a != 0, x, y); a: [columns]
    look_up,  ///< the codes of the words of categorical column `column`, [n, 1] int64 (word_codes.h)
    one_hot,  ///< eq(x, arange(width)) as `type`
    join      ///< cat(all inputs, dimension 1)
  };
  Kind kind;
  std::vector<std::size_t> inputs;  ///< values: kNumeric, or kFirst + the place of an earlier operation
  at::ScalarType type;              ///< of the result
  std::vector<double> a{}, b{};
  std::size_t column = 0;  ///< of look_up
  std::int64_t width = 0;  ///< of one_hot
};

/// The value that is the raw numbers [n, columns]; the results of operations come after it.
inline constexpr std::size_t kNumeric = 0, kFirst = 1;

/// The operations of a schema, and which values are the model's inputs.
struct Operations {
  std::vector<Operation> steps;
  std::optional<std::size_t> features;    ///< [n, width()]; none where there are only coded columns
  std::optional<std::size_t> categories;  ///< [n, coded columns] int64; none where there are none
};

/// `type`: of the features. Numbers come in `type`, or in float64 where a column is wide.
Operations operations(const Preprocessing& schema, at::ScalarType type);

/// A row of constants in the type in which an operation uses them.
at::Tensor constant_row(const std::vector<double>& values, at::ScalarType type);

}  // namespace ringtrain
