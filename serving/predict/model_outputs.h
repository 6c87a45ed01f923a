#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "serving/predict/predictor.h"
#include "serving/repository/manifest.h"

namespace ringtrain {

/// What a network's outputs [n, outputs] mean: binary classification has one logit (probabilities [1 - s, s]
/// with s its sigmoid; class 1 where s >= threshold), classification has a logit a class (softmax, argmax),
/// regression has one value (times the preprocessing's target_scale, plus target_shift). A language model has
/// logits [n, context, vocabulary], which are its answers.
Predictor::Answers answers_of(const Manifest& manifest, const at::Tensor& outputs);

bool is_binary(const Manifest& manifest);
bool is_classification(const Manifest& manifest);  ///< binary ones too

bool is_language_model(const Manifest& manifest);

/// How many columns the probabilities have; 0 for regression and language models.
std::int64_t class_count(const Manifest& manifest);

/// The name of a class; its number where there are no labels.
std::string label_of(const Manifest& manifest, std::int64_t index);

/// The shape of the network's outputs for `rows` rows.
std::vector<std::int64_t> output_shape(const Manifest& manifest, std::int64_t rows);

/// Inputs of the network that are all 0: [rows, width] float32, or [rows, context] int64 of a language model.
at::Tensor zero_inputs(const Preprocessing& preprocessing, std::int64_t rows);

/// How many rows are answered at once: `wanted`, fewer of a language model whose logits would fill the
/// memory.
std::int64_t rows_at_once(const Manifest& manifest, std::int64_t wanted);
std::int64_t rows_at_once(const TokenInput& tokens, std::int64_t wanted);

}  // namespace ringtrain
