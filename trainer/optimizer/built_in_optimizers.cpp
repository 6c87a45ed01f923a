#include "trainer/optimizer/built_in_optimizers.h"

namespace ringtrain {

std::vector<std::shared_ptr<OptimizerKind>> built_in_optimizers() {
  return {sgd_kind(), adam_kind(), adamw_kind()};
}

}  // namespace ringtrain
