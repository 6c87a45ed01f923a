#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "launch/commands/labelled_rows.h"
#include "serving/predict/predictor.h"
#include "trainer/metrics/report.h"
#include "trainer/run_config.h"

namespace ringtrain {

/// What an exported model answers to rows whose truth is known.
struct ModelAnswers {
  TaskConfig task;               ///< that it was trained for
  Evaluation answers{};          ///< scores, targets and rows; targets by the manifest's labels
  std::vector<double> losses{};  ///< [n]: TaskKind::losses
  std::string unseen{};          ///< values that training did not see, by column; "" for none
};

/// The task that an exported model was trained for, with its options. Throws ConfigError for a kind that
/// `catalogue` does not have: another program trained the model.
TaskConfig task_of(const Manifest& manifest, const Catalogue& catalogue);

/// "The program that trained it does: …", of a kind that only that program or a plugin has.
std::string whose_kind(const Manifest& manifest);

/// Answers all of the rows, some at a time.
ModelAnswers answer_rows(const Predictor& predictor, const LabelledRows& rows, const Catalogue& catalogue,
                         const std::function<void(std::int64_t done)>& progress = {});

/// The metrics that training reports, by the same code, with the manifest's task and threshold. `picks`:
/// places in the answers, with repetitions; all when it is empty.
MetricsReport judge_answers(const ModelAnswers& model, const Manifest& manifest,
                            const std::vector<std::int64_t>& picks = {});

/// Where 95% of what resampled rows give lie (percentile bootstrap, Efron 1979).
struct Interval {
  double low = 0, high = 0;
};

/// One model, or two on the same rows.
struct Compared {
  const ModelAnswers& answers;
  const Manifest& manifest;
};

/// Draws as many rows as there are, with replacement, `resamples` times; the same rows for both models.
/// Returns the interval of each metric of `model`, or of its difference to `against` where there is one. A
/// metric that a resample does not define is left out of its interval.
std::map<std::string, Interval> bootstrap(const Compared& model, const Compared* against,
                                          std::int64_t resamples, std::uint64_t seed,
                                          const std::function<void(std::int64_t done)>& progress = {});

}  // namespace ringtrain
