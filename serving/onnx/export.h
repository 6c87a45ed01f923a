#pragma once

#include "serving/onnx/model.h"
#include "serving/repository/manifest.h"
#include "serving/torchscript/export.h"

namespace ringtrain {

/// The names of the inputs as columns. Of a matrix: "numeric" (left out when there is no numeric column),
/// then one a categorical column; else one a column, numeric ones first. A column's input has its name, with
/// "_column" behind it where that is the name of another input or of an output. Of a signature its own names.
std::vector<std::string> onnx_input_names(const Preprocessing& preprocessing, bool by_column = false);

/// The names of the graph's inputs: the same, but of a hashed column NAME_code, since the graph takes its
/// codes (int64 [n], word_codes.h): who sends words by the column's name is refused.
std::vector<std::string> graph_input_names(const Manifest& manifest);

/// Whether the manifest wants an input for each column; of tokens and a signature never.
bool has_column_inputs(const Manifest& manifest);

/// The whole model as ONNX: what make_torchscript does, in operators of opset 17 and ai.onnx.ml 3.
/// Throws ExportError that names an operator without a mapping.
onnx::Model make_onnx(const Manifest& manifest, const TracedNetwork& network);

}  // namespace ringtrain
