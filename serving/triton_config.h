#pragma once

#include <string>
#include <vector>

#include "serving/manifest.h"

namespace ringtrain {

/// config.pbtxt of NVIDIA Triton's model repository. LibTorch's backend serves model.pt; with categorical
/// columns, or without "torchscript" among the formats, ONNX Runtime's backend serves model.onnx (Triton's
/// LibTorch backend takes one list of strings only). Empty when no backend can serve what is there.
std::string triton_config(const Manifest& manifest, const std::vector<std::string>& formats);

/// labels.txt: the classes' names, one a line, in class order; empty for a regression. A line break in a name
/// becomes a space.
std::string triton_labels(const Manifest& manifest);

}  // namespace ringtrain
