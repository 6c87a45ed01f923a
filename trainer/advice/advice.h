#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/schema/preprocessing.h"
#include "trainer/metrics/report.h"
#include "trainer/optimizer/optimizer_config.h"

/// What the numbers of a run say to the one who reads them: each function returns a sentence, or nothing
/// where there is nothing to say. Pure: no logs, no files.
namespace ringtrain::advice {

using Sentence = std::optional<std::string>;

/// A part with fewer rows than this measures little.
inline constexpr std::int64_t kFewRows = 30;

/// Of the validation losses of a run's evaluations, in order: whether they still fell when it ended. That is
/// where the last one is the lowest, and lower by more than 1% than the one a quarter of the evaluations
/// before (of at least four).
Sentence still_falling(const std::vector<double>& validation_losses);

/// `steps`: of the whole run.
Sentence warm_up_too_long(std::int64_t warmup_steps, std::int64_t steps);

/// Of the first such group.
Sentence frozen_throughout(const std::vector<ParameterGroupConfig>& groups, std::int64_t steps);

/// `evaluations`: of the whole run; the first one is always the best so far.
Sentence early_stopping_cannot_fire(std::int64_t patience, std::int64_t evaluations,
                                    std::int64_t validation_rows);

/// `part`: "validation" or "test". `counts`: whether few rows are too few (of tables; a sample of tokens is
/// many answers).
Sentence few_rows(const std::string& part, std::int64_t rows, bool counts = true);

/// The metrics of a part with rows that are undefined, and why.
Sentence undefined_metrics(const std::string& part, const MetricsReport& report,
                           const std::vector<std::string>& labels);

/// Several classes, of which a part lacks some: averages over classes are over the others.
Sentence absent_classes(const std::string& part, const MetricsReport& report,
                        const std::vector<std::string>& labels);

/// A classifier whose accuracy is not above the share of the part's most frequent class.
Sentence no_better_than_majority(const std::string& part, const MetricsReport& report,
                                 const std::vector<std::string>& labels);

/// A regression whose r2 is below 0.
Sentence worse_than_mean(const std::string& part, const MetricsReport& report);

/// Labels that no row of the training part has, or all have. `counts`: rows with each label, of `rows`.
Sentence labels_of_none_or_all(const std::vector<std::string>& labels,
                               const std::vector<std::int64_t>& counts, std::int64_t rows);

/// A classification whose classes look like a number to predict: many distinct decimals, or numbers with few
/// rows each. `rows`: of the training part.
Sentence looks_like_regression(const std::string& target, const std::vector<std::string>& labels,
                               std::int64_t rows);

/// A one-hot column of more than 1,000 words makes as many features, nearly all of them 0.
Sentence many_one_hot(const std::vector<CategoricalColumn>& columns);

}  // namespace ringtrain::advice
