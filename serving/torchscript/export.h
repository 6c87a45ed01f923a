#pragma once

#include <torch/csrc/jit/api/module.h>

#include <memory>

#include "models/network.h"
#include "serving/repository/manifest.h"

namespace ringtrain {

/// A network traced, with its graph as recorded (shapes included): ONNX is translated from that graph.
struct TracedNetwork {
  torch::jit::Module module;  ///< parameters and buffers under the network's own names; has `forward`
  std::shared_ptr<torch::jit::Graph>
      graph;  ///< behind the module it takes the tensors of zero_inputs, in order
};

/// Traces `network`, which must be a float32 CPU module in eval mode with no parameter that requires a
/// gradient. Its arguments are the inputs of a signature, else one. The traced module shares its tensors.
/// Throws ExportError.
TracedNetwork trace_network(const Network& network, const Preprocessing& preprocessing);

/// The whole model as TorchScript: preprocessing, `network`, the head. `forward(numeric [n, F], c0:
/// List[str], ...)`, of a hashed column its codes, int64 [n] (word_codes.h), since a graph cannot hash,
/// returns (probabilities, class) or (probabilities, labels), or the prediction of one or several values; of
/// a language model `forward(tokens [n, context])` returns logits. Of a signature the arguments are its
/// inputs, [n, dims…] each.
torch::jit::Module make_torchscript(const Manifest& manifest, const torch::jit::Module& network);

}  // namespace ringtrain
