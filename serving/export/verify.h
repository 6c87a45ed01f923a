#pragma once

#include "serving/export/expected_outputs.h"
#include "serving/predict/model_runner.h"

namespace ringtrain {

/// The largest difference that an export may have: absolute for probabilities, relative to the largest
/// prediction (of several values, of each column), or logit of a language model.
inline constexpr double export_tolerance = 1e-5;

/// On real rows `got` must be as good as `expected`: losses (loss_of) within the share `tolerance`, beside
/// what hardly matters: a tenth of it in log loss, of the target's deviation where the answer is values.
/// Throws ExportError.
void require_same_loss(const std::string& what, const Manifest& manifest, const Predictor::Answers& got,
                       const ExpectedCase& expected, double tolerance);

/// Compares a loaded model with one case. `what`: "model.pt". Throws ExportError that names batch size,
/// output, row and difference. Classes may differ only where two probabilities (binary: probability and
/// threshold) are within the tolerance of each other, labels where probability and threshold are.
void require_equal_answers(const std::string& what, const Manifest& manifest, const ModelRunner& model,
                           const ExpectedCase& expected);

}  // namespace ringtrain
