#pragma once

#include <ATen/core/Tensor.h>

#include "data/dataset.h"
#include "trainer/data_kinds/data_kind.h"
#include "trainer/step/replica.h"
#include "trainer/tasks/task.h"

namespace ringtrain {

/// Lets the model answer two samples, without training, and looks whether model, task and data fit each
/// other: there are parameters to train, outputs have the shape that the task takes, and the loss of these
/// targets is one number. Throws ConfigError that says what does not fit; what the model's forward or the
/// loss throws becomes one, too.
void require_fitting_answer(const Replica& replica, const Task& task, const Dataset& dataset,
                            const at::Device& device);

/// Looks whether the first samples of each part are what the data's signature says, where there is one.
/// `floating`: the run's type. Throws ConfigError that says what is not; and where a model of several tensors
/// is to be exported (`exported`) without a signature.
void require_signature(const PreparedData& data, at::ScalarType floating, bool exported);

}  // namespace ringtrain
