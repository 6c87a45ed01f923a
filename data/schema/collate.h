#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "data/fields.h"
#include "data/schema/signature.h"

namespace ringtrain {

/// Makes a batch of samples, for data sets as for those who read requests: a model is served what it was
/// trained on because both come here.
///
/// A sample has a tensor for each given input (Signature::given), of the input's dims, without a dimension
/// for the samples. A padded input may have fewer entries along its first dimension, none too; its mask is
/// made. Types are converted where no value can be lost by kind: whole numbers to floating ones, not back.
/// `floating`: of float32 inputs and masks; a run in float64 takes float64. Throws DataError with all that is
/// wrong with a sample, "sample 3: …" from 1.
Fields collate(const Signature& signature, const std::vector<Fields>& samples,
               at::ScalarType floating = at::kFloat);

/// A batch of `count` samples of nothing but padding (0 where there is none).
Fields blank_inputs(const Signature& signature, std::int64_t count, at::ScalarType floating = at::kFloat);

/// Puts a sample at the place `row` of blank inputs. Throws DataError with all that is wrong, without its
/// place; the inputs are then as before.
void put_sample(const Signature& signature, const Fields& sample, std::int64_t row, const Fields& inputs);

/// That a batch which others made is one that collate could have made: names, types, dims, finite values in
/// their ranges, masks of ones before zeros, and padding where they are 0. Throws DataError with all that is
/// wrong, by input and row.
void require_inputs(const Signature& signature, const Fields& inputs, at::ScalarType floating = at::kFloat);

/// The same values in the signature's own types, as an exported model takes them.
Fields as_served(const Signature& signature, const Fields& inputs);

}  // namespace ringtrain
