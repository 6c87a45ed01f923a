#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "serving/repository/manifest.h"

namespace ringtrain {

/// The numbers of an answer whose distribution is looked at: of two classes the probability of the second
/// one, else every probability or value, 20 at most; none of tokens.
std::vector<std::string> score_names(const Manifest& manifest);

/// [names][n] of answers [n, width] or [n], as Predictor and answer_scores give them.
std::vector<std::vector<double>> score_columns(const Manifest& manifest, const at::Tensor& answers);

}  // namespace ringtrain
