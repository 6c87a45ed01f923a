#include "serving/torchscript/export.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/jit/frontend/tracer.h>

#include <cctype>
#include <cmath>

#include "common/errors.h"
#include "serving/predict/model_outputs.h"

namespace ringtrain {
namespace {

using torch::jit::CompilationUnit;

/// A trace records one batch; an odd size shows where a model has baked the size in.
constexpr std::int64_t traced_rows = 3;

/// "ringtrain::(anonymous namespace)::Mlp" → "__torch__.ringtrain.Mlp".
c10::QualifiedName class_name(const std::string& name) {
  const auto last = name.rfind("::");
  std::string word;
  for (const char c : last == std::string::npos ? name : name.substr(last + 2))
    word += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  if (word.empty() || std::isdigit(static_cast<unsigned char>(word[0]))) word = "M" + word;
  return c10::QualifiedName("__torch__.ringtrain." + word);
}

/// The module tree without code: the same names, the same tensors.
torch::jit::Module mirror(const torch::nn::Module& source, const std::shared_ptr<CompilationUnit>& unit) {
  torch::jit::Module result(class_name(source.name()), unit, /*shouldMangle=*/true);
  result.register_attribute("training", c10::BoolType::get(), false);
  for (const auto& item : source.named_parameters(/*recurse=*/false))
    result.register_parameter(item.key(), item.value(), /*is_buffer=*/false);
  for (const auto& item : source.named_buffers(/*recurse=*/false))
    result.register_buffer(item.key(), item.value());
  for (const auto& item : source.named_children())
    result.register_module(item.key(), mirror(*item.value(), unit));
  return result;
}

at::Tensor row(const std::vector<double>& values) { return at::tensor(values, at::kDouble).to(at::kFloat); }

void register_preprocessing(torch::jit::Module& module, const Preprocessing& preprocessing) {
  std::vector<double> shift, scale, fill;
  for (const auto& column : preprocessing.numeric) {
    shift.push_back(column.shift);
    scale.push_back(column.scale);
    fill.push_back(column.fill.value_or(std::nan("")));
  }
  module.register_buffer("shift", row(shift));
  module.register_buffer("scale", row(scale));
  module.register_buffer("fill", row(fill));
  if (preprocessing.scales_target()) {
    module.register_attribute("target_scale", c10::FloatType::get(), preprocessing.target_scale);
    module.register_attribute("target_shift", c10::FloatType::get(), preprocessing.target_shift);
  }
  for (std::size_t i = 0; i < preprocessing.categorical.size(); ++i) {
    const auto& column = preprocessing.categorical[i];
    c10::Dict<std::string, std::int64_t> places;
    for (const auto& word : column.vocabulary) places.insert(word, static_cast<std::int64_t>(places.size()));
    if (column.missing_is_category) places.insert("", static_cast<std::int64_t>(places.size()));
    module.register_attribute(fmt::format("vocabulary{}", i),
                              c10::DictType::create(c10::StringType::get(), c10::IntType::get()), places);
  }
}

/// The source of `forward`: the operations of Preprocessing::apply and answers_of, in their order. Outside
/// Python, types have no names in TorchScript: dtype 4 is int64, 6 is float32 (c10/core/ScalarType.h).
std::string forward_source(const Manifest& manifest) {
  const auto& categorical = manifest.preprocessing.categorical;
  const bool classification = is_classification(manifest);
  std::string arguments, code, parts = "x";
  for (std::size_t i = 0; i < categorical.size(); ++i) {
    arguments += fmt::format(", c{}: List[str]", i);
    code += fmt::format(R"(
  k{0}: List[int] = []
  for word in c{0}:
    k{0}.append(self.vocabulary{0}.get(word, -1))
  codes{0} = torch.tensor(k{0}, dtype=4, device=numeric.device).unsqueeze(1)
  h{0} = torch.eq(codes{0}, torch.arange({1}, dtype=4, device=numeric.device)).to(dtype=6))",
                        i, categorical[i].width());
    parts += fmt::format(", h{}", i);
  }
  if (!categorical.empty()) code += fmt::format("\n  x = torch.cat([{}], 1)", parts);
  code += "\n  outputs = self.network.forward(x)";
  if (is_binary(manifest))
    code += R"(
  p = torch.sigmoid(outputs)
  probabilities = torch.cat([1 - p, p], 1)
  return probabilities, torch.ge(p.squeeze(1), self.threshold).to(dtype=4))";
  else if (classification)
    code += R"(
  probabilities = torch.softmax(outputs, 1)
  return probabilities, probabilities.argmax(1))";
  else if (manifest.preprocessing.scales_target())
    code += "\n  return outputs.squeeze(1) * self.target_scale + self.target_shift";
  else
    code += "\n  return outputs.squeeze(1)";
  return fmt::format(R"(def forward(self, numeric: Tensor{}) -> {}:
  x = torch.where(torch.isnan(numeric), self.fill, numeric)
  x = (x - self.shift) * self.scale{}
)",
                     arguments, classification ? "Tuple[Tensor, Tensor]" : "Tensor", code);
}

}  // namespace

TracedNetwork trace_network(Model& network, const Preprocessing& preprocessing) {
  const at::NoGradGuard no_grad;
  auto module = mirror(network, std::make_shared<CompilationUnit>());
  const auto example = zero_inputs(preprocessing, traced_rows);
  try {
    auto [state, outputs] = torch::jit::tracer::trace(
        {example},
        [&network](torch::jit::Stack inputs) {
          return torch::jit::Stack{network.forward(inputs.at(0).toTensor())};
        },
        [](const at::Tensor&) { return std::string(); }, /*strict=*/true, /*force_outplace=*/false, &module,
        {"inputs"});
    auto graph = state->graph->copy();
    auto* forward = module._ivalue()->compilation_unit()->create_function(
        c10::QualifiedName(*module.type()->name(), "forward"), state->graph);
    module.type()->addMethod(forward);
    return {module, graph};
  } catch (const c10::Error& error) {
    throw ExportError(
        fmt::format("the model {} cannot be traced: {}", network.name(), error.what_without_backtrace()));
  }
}

torch::jit::Module make_torchscript(const Manifest& manifest, const torch::jit::Module& network) {
  torch::jit::Module module(c10::QualifiedName("__torch__.ringtrain.Exported"),
                            network._ivalue()->compilation_unit(),
                            /*shouldMangle=*/true);
  module.register_attribute("training", c10::BoolType::get(), false);
  if (is_language_model(manifest)) {
    module.register_module("network", network);
    module.define("def forward(self, tokens: Tensor) -> Tensor:\n  return self.network.forward(tokens)\n");
    return module;
  }
  register_preprocessing(module, manifest.preprocessing);
  if (is_binary(manifest)) module.register_attribute("threshold", c10::FloatType::get(), manifest.threshold);
  module.register_module("network", network);
  module.define(forward_source(manifest));
  return module;
}

}  // namespace ringtrain
