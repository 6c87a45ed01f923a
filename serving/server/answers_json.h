#pragma once

#include <string>

#include "serving/predict/predictor.h"
#include "serving/repository/manifest.h"

namespace ringtrain {

/// By the form of the manifest's head: [{"class": 1, "label": "fraud", "probabilities": [0.02, 0.98]}, …],
/// [{"labels": ["sport"], "probabilities": [0.9, 0.2]}, …], [{"prediction": 3.2}, …], or of several values
/// [{"prediction": {"low": 1.5, "high": 3.2}}, …]. Not for language models.
std::string answers_by_row(const Predictor::Answers& answers, const Manifest& manifest);
/// {"class": [1, …], "label": ["fraud", …], "probabilities": [[0.02, 0.98], …]},
/// {"labels": [["sport"], …], "probabilities": [[0.9, 0.2], …]}, {"prediction": [3.2, …]}, or
/// {"prediction": {"low": [1.5, …], "high": [3.2, …]}}.
std::string answers_by_column(const Predictor::Answers& answers, const Manifest& manifest);

}  // namespace ringtrain
