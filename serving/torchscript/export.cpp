#include "serving/torchscript/export.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/csrc/jit/frontend/tracer.h>

#include <cctype>

#include "common/errors.h"
#include "data/schema/operations.h"
#include "data/schema/word_codes.h"
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

/// The constants of the operations, and the vocabularies.
void register_preprocessing(torch::jit::Module& module, const Preprocessing& preprocessing,
                            const std::vector<Operation>& steps) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto& step = steps[i];
    const auto type = step.kind == Operation::Kind::choose ? at::kBool : step.type;
    if (!step.a.empty()) module.register_buffer(fmt::format("a{}", i), constant_row(step.a, type));
    if (!step.b.empty()) module.register_buffer(fmt::format("b{}", i), constant_row(step.b, type));
  }
  for (std::size_t i = 0; i < preprocessing.categorical.size(); ++i) {
    const auto& column = preprocessing.categorical[i];
    if (column.encoding == Encoding::hash) continue;
    const auto table = word_table(column);
    c10::Dict<std::string, std::int64_t> places;
    for (std::size_t word = 0; word < table.words.size(); ++word)
      places.insert(table.words[word], table.codes[word]);
    module.register_attribute(fmt::format("vocabulary{}", i),
                              c10::DictType::create(c10::StringType::get(), c10::IntType::get()), places);
  }
}

/// The constants of the head's operations, and its thresholds.
void register_head(torch::jit::Module& module, const Head& head) {
  const auto add = [&module](const std::string& name, const std::vector<double>& numbers) {
    if (numbers.size() == 1)
      module.register_attribute(name, c10::FloatType::get(), numbers[0]);
    else
      module.register_buffer(name, constant_row(numbers, at::kFloat));
  };
  for (std::size_t i = 0; i < head.operations.size(); ++i) {
    const auto& step = head.operations[i];
    if (step.kind != HeadOperation::Kind::scale) continue;
    add(fmt::format("head_scale{}", i), step.scale);
    add(fmt::format("head_shift{}", i), step.shift);
  }
  if (!head.thresholds.empty()) add("threshold", head.thresholds);
}

/// An operation as a line of source; `values`: what its inputs are called.
std::string line_of(const Operation& step, std::size_t place, const std::vector<std::string>& values,
                    const Preprocessing& schema) {
  using Kind = Operation::Kind;
  const auto input = [&](std::size_t i) { return values.at(step.inputs.at(i)); };
  const auto type = static_cast<int>(step.type);
  switch (step.kind) {
    case Kind::cast:
      return fmt::format("{}.to(dtype={})", input(0), type);
    case Kind::fill:
      return fmt::format("torch.where(torch.isnan({0}), self.a{1}, {0})", input(0), place);
    case Kind::scale:
      return fmt::format("({0} - self.a{1}) * self.b{1}", input(0), place);
    case Kind::choose:
      return fmt::format("torch.where(self.a{}, {}, {})", place, input(0), input(1));
    case Kind::look_up:
      if (schema.categorical[step.column].encoding == Encoding::hash)
        return fmt::format("c{}.unsqueeze(1)", step.column);
      return fmt::format("torch.tensor(k{}, dtype=4, device=numeric.device).unsqueeze(1)", step.column);
    case Kind::one_hot:
      return fmt::format("torch.eq({}, torch.arange({}, dtype=4, device=numeric.device)).to(dtype={})",
                         input(0), step.width, type);
    case Kind::join:
      break;
  }
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < step.inputs.size(); ++i) parts.push_back(input(i));
  return fmt::format("torch.cat([{}], 1)", fmt::join(parts, ", "));
}

/// The head's operation `place` on `scores`, as source.
std::string line_of(const HeadOperation& step, std::size_t place) {
  using Kind = HeadOperation::Kind;
  switch (step.kind) {
    case Kind::sigmoid:
      return "torch.sigmoid(scores)";
    case Kind::softmax:
      return "torch.softmax(scores, 1)";
    case Kind::exponential:
      return "torch.exp(scores)";
    case Kind::scale:
      break;
  }
  return fmt::format("scores * self.head_scale{0} + self.head_shift{0}", place);
}

/// From the network's outputs, `scores`, to what `forward` returns: as answers_of.
std::string answers_source(const Head& head) {
  std::string code;
  for (std::size_t i = 0; i < head.operations.size(); ++i)
    code += fmt::format("\n  scores = {}", line_of(head.operations[i], i));
  if (head.form == AnswerForm::values)
    return code + (has_several_values(head) ? "\n  return scores" : "\n  return scores.squeeze(1)");
  if (head.form == AnswerForm::labels)
    return code + "\n  return scores, torch.ge(scores, self.threshold).to(dtype=4)";
  if (!head.is_binary()) return code + "\n  return scores, scores.argmax(1)";
  return code + R"(
  probabilities = torch.cat([1 - scores, scores], 1)
  return probabilities, torch.ge(scores.squeeze(1), self.threshold).to(dtype=4))";
}

const char* returned(const Head& head) {
  return head.form == AnswerForm::values ? "Tensor" : "Tuple[Tensor, Tensor]";
}

/// The source of `forward`: the schema's operations, the network, and answers_of. Outside Python, types have
/// no names in TorchScript: dtype 4 is int64, 6 is float32, 7 float64 (c10/core/ScalarType.h).
std::string forward_source(const Manifest& manifest, const Operations& operations) {
  const auto& schema = manifest.preprocessing;
  std::string arguments, code;
  for (std::size_t i = 0; i < schema.categorical.size(); ++i) {
    const bool hashed = schema.categorical[i].encoding == Encoding::hash;
    arguments += fmt::format(", c{}: {}", i, hashed ? "Tensor" : "List[str]");
    if (hashed) continue;
    code += fmt::format(R"(
  k{0}: List[int] = []
  for word in c{0}:
    k{0}.append(self.vocabulary{0}.get(word, {1})))",
                        i, word_table(schema.categorical[i]).otherwise);
  }
  const auto& steps = operations.steps;
  std::vector<std::string> values{"numeric"}, inputs;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    code += fmt::format("\n  v{} = {}", i, line_of(steps[i], i, values, schema));
    values.push_back(fmt::format("v{}", i));
  }
  for (const auto& input : {operations.features, operations.categories})
    if (input) inputs.push_back(values.at(*input));
  code += fmt::format("\n  scores = self.network.forward({})", fmt::join(inputs, ", "));
  code += answers_source(manifest.head);
  return fmt::format("def forward(self, numeric: Tensor{}) -> {}:{}\n", arguments, returned(manifest.head),
                     code);
}

/// The same of a signature: its inputs by their names.
std::string forward_source(const Signature& signature, const Head& head) {
  std::vector<std::string> names, arguments{"self"};
  for (const auto& input : signature.inputs) {
    names.push_back(input.name);
    arguments.push_back(input.name + ": Tensor");
  }
  return fmt::format("def forward({}) -> {}:\n  scores = self.network.forward({}){}\n",
                     fmt::join(arguments, ", "), returned(head), fmt::join(names, ", "),
                     answers_source(head));
}

}  // namespace

TracedNetwork trace_network(const Network& network, const Preprocessing& preprocessing) {
  const at::NoGradGuard no_grad;
  auto module = mirror(*network, std::make_shared<CompilationUnit>());
  const Fields example = zero_inputs(preprocessing, traced_rows);
  torch::jit::Stack arguments;
  std::vector<std::string> names;
  for (const auto& [name, tensor] : example) {
    arguments.emplace_back(tensor);
    names.push_back(name.empty() ? "inputs" : name);
  }
  try {
    auto [state, outputs] = torch::jit::tracer::trace(
        arguments,
        [&network, &example](const torch::jit::Stack& inputs) {
          auto next = inputs.begin();
          return torch::jit::Stack{
              network.forward(example.map([&next](const at::Tensor&) { return (next++)->toTensor(); }))};
        },
        [](const at::Tensor&) { return std::string(); }, /*strict=*/true, /*force_outplace=*/false, &module,
        names);
    auto graph = state->graph->copy();
    auto* forward = module._ivalue()->compilation_unit()->create_function(
        c10::QualifiedName(*module.type()->name(), "forward"), state->graph);
    module.type()->addMethod(forward);
    return {module, graph};
  } catch (const c10::Error& error) {
    throw ExportError(
        fmt::format("the model {} cannot be traced: {}", network->name(), error.what_without_backtrace()));
  }
}

torch::jit::Module make_torchscript(const Manifest& manifest, const torch::jit::Module& network) {
  torch::jit::Module module(c10::QualifiedName("__torch__.ringtrain.Exported"),
                            network._ivalue()->compilation_unit(),
                            /*shouldMangle=*/true);
  module.register_attribute("training", c10::BoolType::get(), false);
  if (manifest.head.form == AnswerForm::tokens) {
    module.register_module("network", network);
    module.define("def forward(self, tokens: Tensor) -> Tensor:\n  return self.network.forward(tokens)\n");
    return module;
  }
  if (const auto& signature = manifest.preprocessing.signature) {
    register_head(module, manifest.head);
    module.register_module("network", network);
    module.define(forward_source(*signature, manifest.head));
    return module;
  }
  const auto steps = operations(manifest.preprocessing, at::kFloat);
  register_preprocessing(module, manifest.preprocessing, steps.steps);
  register_head(module, manifest.head);
  module.register_module("network", network);
  module.define(forward_source(manifest, steps));
  return module;
}

}  // namespace ringtrain
