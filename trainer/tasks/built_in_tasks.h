#pragma once

#include "trainer/tasks/task_kind.h"

namespace ringtrain {

/// Two classes, one logit.
std::shared_ptr<TaskKind> binary_classification_kind();
/// Several classes, a logit each; softmax.
std::shared_ptr<TaskKind> classification_kind();
/// Any of several labels, a logit each.
std::shared_ptr<TaskKind> multilabel_classification_kind();
/// A number, or several.
std::shared_ptr<TaskKind> regression_kind();
/// Quantiles of a number.
std::shared_ptr<TaskKind> quantile_regression_kind();
/// The next token.
std::shared_ptr<TaskKind> language_model_kind();

/// All of them, each with default options.
std::vector<std::shared_ptr<TaskKind>> built_in_tasks();

}  // namespace ringtrain
