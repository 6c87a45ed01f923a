#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace ringtrain {

/// Some samples. `inputs`: [n, features], the run's floating type; `targets`: [n], int64 classes or floats,
/// or [n, targets] floats (table.h); `rows`: [n] int64, where the samples stand in the data file (0 is the
/// first data row). Of tokens: `inputs` and `targets` are int64 [n, context], the targets being the inputs
/// one token on (token_dataset.h).
struct Batch {
  at::Tensor inputs;
  at::Tensor targets;
  at::Tensor rows;
  at::Tensor weights{};  ///< [n] float64, or undefined: all 1
  std::int64_t size() const { return inputs.defined() ? inputs.size(0) : 0; }
};

/// Samples that can be read by number.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual std::int64_t size() const = 0;
  /// The samples `indices` (each in [0, size())), in that order; may be empty. Thread-safe.
  virtual Batch read(const std::vector<std::int64_t>& indices) const = 0;
};

}  // namespace ringtrain
