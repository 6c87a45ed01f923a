#pragma once

#include <string>
#include <vector>

#include "data/profile/distribution.h"
#include "models/network.h"
#include "serving/repository/manifest.h"
#include "trainer/data_kinds/data_kind.h"

namespace ringtrain::drift {

/// The numbers of an answer that are looked at: of two classes the probability of the second one, else every
/// probability or value, 20 at most; none of tokens.
std::vector<std::string> score_names(const Manifest& manifest);

/// [names][n] of answers [n, width] or [n], as Predictor and answer_scores give them.
std::vector<std::vector<double>> score_columns(const Manifest& manifest, const at::Tensor& answers);

/// How the scores of a trained model lie on its validation part, or on the training part where that is empty:
/// of up to 10,000 of its rows, evenly spread, fewer of wide ones. `part`: which it was. The manifest's head
/// decides what a score is.
std::vector<Distribution> scores_of_trained(const Manifest& manifest, const PreparedData& data,
                                            const Network& model, std::string& part);

}  // namespace ringtrain::drift
