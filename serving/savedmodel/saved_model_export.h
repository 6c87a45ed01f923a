#pragma once

#include "serving/onnx/model.h"
#include "serving/savedmodel/tensorflow_graph.h"

namespace ringtrain {

/// The same model as TensorFlow's graph, node by node, with the inputs and outputs of the ONNX form. Throws
/// ExportError that names an operator without a mapping.
tensorflow::Graph make_tensorflow_graph(const onnx::Model& model);

}  // namespace ringtrain
