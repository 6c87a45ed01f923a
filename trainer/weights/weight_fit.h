#pragma once

#include <torch/nn/module.h>

#include <map>
#include <string>
#include <vector>

#include "models/published_form.h"
#include "trainer/weights/stored_weights.h"
#include "trainer/weights/weights_config.h"

namespace ringtrain {

/// What a model takes of stored weights.
struct FittedWeights {
  NamedTensors tensors;                       ///< by the model's names, of its shapes and types
  std::map<std::string, WeightPlace> places;  ///< where each stored tensor belongs, by its name there
  std::vector<std::string> told;  ///< for the log: what was taken, what was not, what was converted
};

/// Brings `stored` to the names, shapes and types of `model`: `config.rename` first, then `form` (null: names
/// are the model's). Floating types are converted to each other, whole numbers not to them. A missing
/// num_batches_tracked (of before PyTorch 0.4.1) stays as it is.
///
/// Throws CheckpointError that names everything that does not fit, at once; with `strict: false` what is
/// missing, too much or of another shape is told instead. Numbers that are not finite, two tensors for one
/// place, patterns that match nothing, and a file of which nothing fits are errors in any case.
FittedWeights fit_weights(const StoredWeights& stored, const WeightsConfig& config, const PublishedForm* form,
                          const torch::nn::Module& model);

/// Copies them into the model.
void take_weights(const FittedWeights& fitted, torch::nn::Module& model);

}  // namespace ringtrain
