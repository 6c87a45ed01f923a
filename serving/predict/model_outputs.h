#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "serving/predict/predictor.h"
#include "serving/repository/manifest.h"

namespace ringtrain {

/// What a network's outputs [n, outputs] mean, as the manifest's head says (data/schema/head.h), in float32.
/// A language model has logits [n, context, vocabulary], which are its answers.
Predictor::Answers answers_of(const Manifest& manifest, const at::Tensor& outputs);

/// Whether an answer is more than one number, each with a name.
bool has_several_values(const Head& head);

/// The name of a class or label; its number where there are no labels.
std::string label_of(const Manifest& manifest, std::int64_t index);

/// The shape of the network's outputs for `rows` rows.
std::vector<std::int64_t> output_shape(const Manifest& manifest, std::int64_t rows);

/// Inputs of the network that are all 0: as Preprocessing::apply gives them in float32, [rows, context] int64
/// of a language model, or the padding of a signature.
Fields zero_inputs(const Preprocessing& preprocessing, std::int64_t rows);

/// How many rows are answered at once: `wanted`, fewer of a language model whose logits, or a signature whose
/// inputs, would fill the memory.
std::int64_t rows_at_once(const Manifest& manifest, std::int64_t wanted);
std::int64_t rows_at_once(const TokenInput& tokens, std::int64_t wanted);

}  // namespace ringtrain
