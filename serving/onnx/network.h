#pragma once

#include <string>
#include <vector>

#include "serving/onnx/builder.h"
#include "serving/torchscript/export.h"

namespace ringtrain::onnx {

/// Adds the traced network's nodes to `graph`, reading the values `inputs`, one for each of its arguments;
/// returns the name of its output. Weights become initializers under their parameter names. Throws
/// ExportError that names an operator without a mapping (onnx_operators.h).
std::string add_network(GraphBuilder& graph, const TracedNetwork& network,
                        const std::vector<std::string>& inputs);

}  // namespace ringtrain::onnx
