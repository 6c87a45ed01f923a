#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "trainer/checks/goal.h"

namespace ringtrain::checks {

/// Gradient-boosted trees (Chen and Guestrin 2016, "XGBoost: A Scalable Tree Boosting System") by XGBoost's
/// own library, where the machine has one: 100 rounds of trees of depth 6, learning rate 0.1, the rest as
/// XGBoost sets it. One thread, so that the answer is the same each time. `features`: [n, d] floating,
/// `target`: [n] classes or values; returns the answers to `asked` [m, d]: [m, goal.outputs()] float64,
/// probabilities or the value. Nothing where there is no libxgboost, or it fails: `why`.
std::optional<at::Tensor> boosted_trees(const Goal& goal, const at::Tensor& features,
                                        const std::vector<double>& target, const at::Tensor& asked,
                                        std::string& why);

}  // namespace ringtrain::checks
