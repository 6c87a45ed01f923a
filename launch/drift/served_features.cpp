#include "launch/drift/served_features.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/runtime/interpreter.h>
#include <torch/csrc/jit/serialization/import.h>

#include "common/errors.h"
#include "data/schema/vocabulary.h"

namespace ringtrain::drift {
namespace {

/// The graph of `forward` up to the call of its network, whose arguments it returns.
std::shared_ptr<torch::jit::Graph> until_network(const torch::jit::Module& module, const std::string& file) {
  auto graph = module.get_method("forward").graph()->copy();
  std::vector<torch::jit::Node*> behind;  // from the call on
  for (auto* node : graph->nodes()) {
    const bool calls =
        node->kind() == torch::jit::prim::CallMethod && node->s(torch::jit::attr::name) == "forward";
    if (calls || !behind.empty()) behind.push_back(node);
  }
  if (behind.empty()) throw ExportError(fmt::format("{} has no network that its forward calls", file));
  const auto arguments = behind.front()->inputs().vec();
  while (!graph->outputs().empty()) graph->eraseOutput(0);
  for (auto node = behind.rbegin(); node != behind.rend(); ++node) (*node)->destroy();
  for (std::size_t i = 1; i < arguments.size(); ++i) graph->registerOutput(arguments[i]);
  return graph;
}

}  // namespace

struct ServedFeatures::Impl {
  const Preprocessing& schema;
  torch::jit::Module module;
  torch::jit::Code code;
};

ServedFeatures::ServedFeatures(const Predictor& predictor) {
  const auto file = (predictor.folder() / "model.pt").string();
  if (!std::filesystem::exists(file))
    throw ExportError(fmt::format("{} is not there: export with the format torchscript", file));
  auto module = torch::jit::load(file, at::kCPU);
  const auto graph = until_network(module, file);
  impl_ = std::make_unique<Impl>(
      Impl{predictor.manifest().preprocessing, module, torch::jit::Code(graph, "features")});
}

ServedFeatures::~ServedFeatures() = default;

std::vector<at::Tensor> ServedFeatures::of(const Predictor::Rows& rows) const {
  const at::NoGradGuard no_grad;
  torch::jit::Stack stack{impl_->module._ivalue(), rows.numeric};
  const auto& columns = impl_->schema.categorical;
  for (std::size_t c = 0; c < columns.size(); ++c)
    if (columns[c].encoding == Encoding::hash)
      stack.emplace_back(codes_of(columns[c], rows.categorical[c]));
    else
      stack.emplace_back(c10::List<std::string>(rows.categorical[c]));
  torch::jit::InterpreterState(impl_->code).run(stack);
  std::vector<at::Tensor> features;
  for (const auto& value : stack) features.push_back(value.toTensor());
  return features;
}

}  // namespace ringtrain::drift
