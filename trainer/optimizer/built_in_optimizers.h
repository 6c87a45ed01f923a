#pragma once

#include "trainer/optimizer/optimizer_kind.h"

namespace ringtrain {

/// Stochastic gradient descent.
std::shared_ptr<OptimizerKind> sgd_kind();
/// Adam; weight decay is an L2 term.
std::shared_ptr<OptimizerKind> adam_kind();
/// Adam with decoupled weight decay.
std::shared_ptr<OptimizerKind> adamw_kind();

/// All of them, each with default options.
std::vector<std::shared_ptr<OptimizerKind>> built_in_optimizers();

}  // namespace ringtrain
