#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "serving/manifest.h"
#include "serving/predictor.h"

namespace ringtrain {

/// What a network's outputs [n, outputs] mean: binary classification has one logit (probabilities [1 - s, s]
/// with s its sigmoid; class 1 where s >= threshold), classification has a logit a class (softmax, argmax),
/// regression has one value.
Predictor::Answers answers_of(const Manifest& manifest, const at::Tensor& outputs);

bool is_binary(const Manifest& manifest);
bool is_classification(const Manifest& manifest);  ///< binary ones too

/// How many columns the probabilities have; 0 for regression.
std::int64_t class_count(const Manifest& manifest);

/// How many outputs the network must have.
std::int64_t network_outputs(const Manifest& manifest);

}  // namespace ringtrain
