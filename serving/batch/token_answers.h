#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "serving/batch/row_batch.h"

namespace ringtrain {

/// Appends what a language model says of a row, without the opening brace:
///   "next": [{"token": 43, "text": "e", "probability": 0.41}, …], "loss": 1.7, "perplexity": 5.5}
/// `logits`: [context, vocabulary].
void append_token_answer(std::string& text, const TokenInput& input, const RowBatch& batch, std::size_t row,
                         const at::Tensor& logits);

}  // namespace ringtrain
