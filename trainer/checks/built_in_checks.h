#pragma once

#include <memory>

#include "trainer/checks/check.h"

namespace ringtrain::checks {

// Of data.
std::unique_ptr<Check> leak_check();
std::unique_ptr<Check> duplicates_check();
std::unique_ptr<Check> row_order_check();
std::unique_ptr<Check> columns_check();
std::unique_ptr<Check> classes_check();
std::unique_ptr<Check> drift_check();
std::unique_ptr<Check> labels_check();
// Of the settings.
std::unique_ptr<Check> settings_check();
// Of the model, before it learns.
std::unique_ptr<Check> start_loss_check();
std::unique_ptr<Check> gradients_check();
std::unique_ptr<Check> independence_check();
std::unique_ptr<Check> inputs_check();
std::unique_ptr<Check> evaluation_check();
// Of learning.
std::unique_ptr<Check> one_batch_check();
std::unique_ptr<Check> learning_rate_check();
std::unique_ptr<Check> baseline_check();

}  // namespace ringtrain::checks
