#pragma once

#include <string>

#include "serving/predict/predictor.h"
#include "serving/repository/manifest.h"

namespace ringtrain {

/// [{"class": 1, "label": "fraud", "probabilities": [0.02, 0.98]}, …] or [{"prediction": 3.2}, …]
std::string answers_by_row(const Predictor::Answers& answers, const Manifest& manifest);
/// {"class": [1, …], "label": ["fraud", …], "probabilities": [[0.02, 0.98], …]} or {"prediction": [3.2, …]}
std::string answers_by_column(const Predictor::Answers& answers, const Manifest& manifest);

}  // namespace ringtrain
