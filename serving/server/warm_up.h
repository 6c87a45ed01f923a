#pragma once

#include "serving/predictor.h"

namespace ringtrain {

/// Runs a model a few times before it answers anybody: the first runs are slow (TorchScript compiles then).
/// With the rows of FOLDER/warmup.json ({"instances": [row, …]}) where there are some, else with rows of
/// zeros. Throws ExportError or DataError when the model cannot answer them.
void warm_up(const Predictor& predictor);

}  // namespace ringtrain
