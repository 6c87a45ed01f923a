#pragma once

#include "serving/export/expected_outputs.h"
#include "serving/repository/manifest.h"

namespace ringtrain {

/// Rows of the data's test part, as training itself read and answered them; in training's own precision.
struct TrainedRows {
  Predictor::Rows rows;  ///< raw
  Fields inputs;         ///< [n, inputs], or a signature's: what the model was given
  at::Tensor outputs;    ///< what it gave
  at::Tensor targets;    ///< the truth: [n], of labels [n, K], of several values either
};

/// The case that the export must answer as `network` does, the float32 copy on the CPU that it is made of.
/// Throws ExportError where the raw rows do not become training's inputs (the row and the input are named),
/// and where the copy is worse on these rows than the trained model: float32 is then not enough for it.
ExpectedCase case_of_training(const Manifest& manifest, const Network& network, const TrainedRows& trained);

}  // namespace ringtrain
