#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "serving/onnx/model.h"

namespace ringtrain::onnx {

/// A tensor, or a one-dimensional tensor of strings.
using Value = std::variant<at::Tensor, std::vector<std::string>>;

/// Runs a graph, node by node, with ATen, after the operators' specification (opset 17, ai.onnx.ml 3): so
/// that an exported model is verified where no ONNX runtime is. Covers what ringtrain writes. Returns the
/// graph's outputs by name. Throws ExportError that names the node which fails.
std::map<std::string, at::Tensor> evaluate(const Graph& graph, const std::map<std::string, Value>& inputs);

}  // namespace ringtrain::onnx
