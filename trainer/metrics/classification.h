#pragma once

#include <cstdint>
#include <span>

#include "trainer/metrics/column.h"
#include "trainer/metrics/holders.h"
#include "trainer/metrics/report.h"

/// Exact metrics: each function takes this rank's rows of a part of the data, and is computed from all rows
/// of `holders`, never from averages; on every rank, with the same bits on any number of ranks. Collective:
/// what a rank's rows break is thrown on all ranks.
namespace ringtrain {

/// accuracy, precision, recall, f1, roc_auc, pr_auc and the 2x2 confusion matrix.
/// `scores`: probability of class 1; `labels`: 0 or 1, as many. A row is predicted 1 when its score >=
/// `threshold`. precision is 0 when no row is predicted 1, recall when no row is 1, f1 when both are 0.
/// roc_auc is NaN unless both classes occur, pr_auc (average precision) when no row is 1. Without rows every
/// value is NaN. Throws Error for sizes that differ or another label, TrainingError for a score that is NaN.
MetricsReport binary_metrics(const Column& scores, const Column& labels, double threshold = 0.5,
                             const Holders& holders = {});

/// The same names for `classes` >= 2 classes, with the K x K confusion matrix.
/// `probabilities`: [rows, classes], row-major; `labels`: 0 to classes - 1. The predicted class is the first
/// one with the highest probability. precision, recall, f1: unweighted means over the classes that occur as
/// label or as prediction, each with 0 for 0/0 (scikit-learn's average="macro", zero_division=0). roc_auc:
/// mean of one class against the rest over the classes that have rows with and without it; pr_auc: mean over
/// the classes that occur (scikit-learn's "ovr" and "macro" when all classes occur). NaN where there is no
/// such class.
MetricsReport multiclass_metrics(std::span<const double> probabilities, std::int64_t classes,
                                 const Column& labels, const Holders& holders = {});

}  // namespace ringtrain
