#pragma once

#include "launch/report/asked_model.h"

namespace ringtrain::report {

/// What the answers of a part are worth, as JSON:
///   {"rows": 113, "of_rows": 113, "loss": 0.08, "metrics": {...},
///    "confusion_matrix": [[70, 1], [2, 40]], "classes": [{"name", "rows", "precision", "recall", "f1"}],
///    "ranking": [{"name", "positives", "negatives", "roc_auc", "average_precision", "roc": [[x, y], ...],
///                 "precision_recall": [[recall, precision], ...], "threshold": {...}}],
///    "calibration": {"ece", "brier", "bins": [...]},
///    "residuals": [{"name", ..., "points": [[target, answer], ...]}], "quantiles": [{"name", "below"}]}
/// with those that the form of the answers has.
nlohmann::ordered_json measures_of(const AskedModel& model, const AnsweredPart& part);

/// [n]: whether a row's class is the right one; empty for other forms than one class.
std::vector<char> right_rows(const AskedModel& model, const AnsweredPart& part);

}  // namespace ringtrain::report
