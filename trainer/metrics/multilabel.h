#pragma once

#include <span>

#include "trainer/metrics/holders.h"
#include "trainer/metrics/report.h"

namespace ringtrain {

/// subset_accuracy, hamming_loss, precision, recall, f1 (means over the labels, 0 for 0/0: scikit-learn's
/// average="macro", zero_division=0), f1_micro (of all answers together), roc_auc (mean over the labels that
/// some rows have and some have not) and pr_auc (mean over the labels that some row has). `probabilities` and
/// `given`: [rows, labels], row-major, `given` 0 or 1; a label is predicted where its probability >= its
/// threshold. Without rows all are NaN. Throws Error when the sizes differ, TrainingError for a probability
/// that is NaN. The rows are this rank's; all of `holders` count, with the same bits on any number of ranks.
/// Collective.
MetricsReport multilabel_metrics(std::span<const double> probabilities, std::span<const double> given,
                                 std::span<const double> thresholds, const Holders& holders = {});

}  // namespace ringtrain
