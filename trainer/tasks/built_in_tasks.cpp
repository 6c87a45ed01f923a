#include "trainer/tasks/built_in_tasks.h"

namespace ringtrain {

std::vector<std::shared_ptr<TaskKind>> built_in_tasks() {
  return {binary_classification_kind(),     classification_kind(),
          multilabel_classification_kind(), regression_kind(),
          quantile_regression_kind(),       language_model_kind()};
}

}  // namespace ringtrain
