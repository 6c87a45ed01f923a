#include "serving/onnx/evaluator.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <stdexcept>

#include "common/errors.h"
#include "common/files.h"
#include "data/schema/vocabulary.h"
#include "serving/onnx/export.h"
#include "serving/onnx/kernels.h"
#include "serving/predict/model_runner.h"

namespace ringtrain {
namespace onnx {

at::Tensor NodeCall::tensor(std::size_t i) const {
  return std::get<at::Tensor>(values_.at(node_.inputs.at(i)));
}

at::Tensor NodeCall::tensor_or_none(std::size_t i) const {
  return i < node_.inputs.size() && !node_.inputs[i].empty() ? tensor(i) : at::Tensor();
}

const std::vector<std::string>& NodeCall::strings(std::size_t i) const {
  return std::get<std::vector<std::string>>(values_.at(node_.inputs.at(i)));
}

std::vector<std::int64_t> NodeCall::integers_of(std::size_t i) const {
  const at::Tensor values = tensor(i).contiguous();
  const auto* first = values.const_data_ptr<std::int64_t>();
  return {first, first + values.numel()};
}

const Attribute* NodeCall::find(const std::string& name) const {
  for (const auto& attribute : node_.attributes)
    if (attribute.name == name) return &attribute;
  return nullptr;
}

std::map<std::string, at::Tensor> evaluate(const Graph& graph, const std::map<std::string, Value>& inputs) {
  const at::NoGradGuard no_grad;
  std::map<std::string, Value> values = inputs;
  for (const auto& [name, tensor] : graph.initializers) values[name] = tensor;
  for (const auto& node : graph.nodes) {
    const auto kernel = kernels().find(node.op_type);
    if (kernel == kernels().end())
      throw ExportError(fmt::format("model.onnx: node '{}' has the operator {}, which is not evaluated here",
                                    node.name, node.op_type));
    try {
      values[node.outputs.at(0)] = kernel->second(NodeCall(node, values));
    } catch (const c10::Error& error) {
      throw ExportError(fmt::format("model.onnx: node '{}' ({}) fails: {}", node.name, node.op_type,
                                    error.what_without_backtrace()));
    } catch (const std::exception& error) {
      throw ExportError(fmt::format(
          "model.onnx: node '{}' ({}) lacks an input or attribute, or has one of a wrong type ({})",
          node.name, node.op_type, error.what()));
    }
  }
  std::map<std::string, at::Tensor> outputs;
  for (const auto& output : graph.outputs) {
    const auto& tensor = std::get<at::Tensor>(values.at(output.name));
    if (element_type(tensor.scalar_type()) != output.type ||
        tensor.dim() != static_cast<std::int64_t>(output.shape.size()))
      throw ExportError(
          fmt::format("model.onnx: the output '{}' has another type or rank than declared", output.name));
    outputs[output.name] = tensor;
  }
  return outputs;
}

}  // namespace onnx

namespace {

class OnnxRunner : public ModelRunner {
 public:
  OnnxRunner(const std::filesystem::path& folder, const Manifest& manifest)
      : model_(onnx::read_model(read_file(folder / "model.onnx"))),
        by_column_(has_column_inputs(manifest)),
        names_(graph_input_names(manifest)),
        columns_(manifest.preprocessing.categorical),
        numeric_(manifest.preprocessing.numeric.size()),
        form_(manifest.head.form) {
    if (model_.graph.inputs.size() != names_.size())
      throw ExportError(
          fmt::format("model.onnx has {} inputs, expected {}", model_.graph.inputs.size(), names_.size()));
    for (std::size_t i = 0; i < names_.size(); ++i)
      if (model_.graph.inputs[i].name != names_[i])
        throw ExportError(fmt::format("model.onnx: input {} is '{}', expected '{}'", i,
                                      model_.graph.inputs[i].name, names_[i]));
  }

  Predictor::Answers run(const Predictor::Rows& rows) const override {
    std::map<std::string, onnx::Value> inputs;
    auto name = names_.begin();
    for (const auto& [_, tensor] : rows.tensors) inputs[*name++] = tensor;
    if (form_ == AnswerForm::tokens) inputs[*name++] = rows.tokens;
    if (by_column_)
      for (std::size_t c = 0; c < numeric_; ++c)
        inputs[*name++] = rows.numeric.select(1, static_cast<std::int64_t>(c));
    else if (numeric_ > 0)
      inputs[*name++] = rows.numeric;
    for (std::size_t c = 0; c < rows.categorical.size(); ++c)
      if (columns_.at(c).encoding == Encoding::hash)
        inputs[*name++] = codes_of(columns_[c], rows.categorical[c]);
      else
        inputs[*name++] = rows.categorical[c];
    const auto outputs = onnx::evaluate(model_.graph, inputs);
    const auto take = [&outputs](const char* key) {
      const auto found = outputs.find(key);
      if (found == outputs.end()) throw ExportError(fmt::format("model.onnx has no output '{}'", key));
      return found->second;
    };
    Predictor::Answers answers;
    switch (form_) {
      case AnswerForm::one_class:
        answers.probabilities = take("probabilities");
        answers.classes = take("class");
        break;
      case AnswerForm::labels:
        answers.probabilities = take("probabilities");
        answers.labels = take("labels");
        break;
      case AnswerForm::values:
        answers.predictions = take("prediction");
        break;
      case AnswerForm::tokens:
        answers.logits = take("logits");
        break;
    }
    return answers;
  }

 private:
  onnx::Model model_;
  bool by_column_;
  std::vector<std::string> names_;
  std::vector<CategoricalColumn> columns_;
  std::size_t numeric_;
  AnswerForm form_;
};

}  // namespace

std::unique_ptr<ModelRunner> load_onnx(const std::filesystem::path& folder, const Manifest& manifest) {
  return std::make_unique<OnnxRunner>(folder, manifest);
}

}  // namespace ringtrain
