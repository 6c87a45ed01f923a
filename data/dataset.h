#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "data/fields.h"

namespace ringtrain {

/// Some samples. Shapes may change from batch to batch.
///
/// Of a table `inputs` is one tensor [n, features] of the run's floating type; where columns are coded
/// (word_codes.h) it is `numeric`, and `categories` [n, coded columns] int64 stands beside it. `targets` is
/// one of [n], int64 classes or floats, or [n, targets] floats (table.h). Of tokens both are int64 [n,
/// context], the targets being the inputs one token on (token_dataset.h).
struct Batch {
  Fields inputs;
  Fields targets;
  at::Tensor sample;     ///< [n] int64: where each stands in the data (of a file: 0 is its first row)
  at::Tensor weights{};  ///< [n] float64, or undefined: all 1
  std::int64_t size() const { return inputs.samples(); }
};

/// Samples that can be read by number.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual std::int64_t size() const = 0;
  /// The samples `indices` (each in [0, size())), in that order; may be empty. Thread-safe.
  virtual Batch read(const std::vector<std::int64_t>& indices) const = 0;
  /// Samples of these blocks (EpochOrder) will be read soon: what takes long may begin now. Thread-safe.
  virtual void expect(const std::vector<std::int64_t>& /*blocks*/) const {}
};

}  // namespace ringtrain
