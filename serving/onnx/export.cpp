#include "serving/onnx/export.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "data/schema/operations.h"
#include "data/schema/word_codes.h"
#include "serving/onnx/network.h"
#include "serving/predict/model_outputs.h"

namespace ringtrain {
namespace {

using onnx::Dimension;
using onnx::ElementType;
using onnx::GraphBuilder;

const Dimension batch = std::string("n");
constexpr auto to_int64 = static_cast<std::int64_t>(ElementType::int64);

std::vector<std::string> output_names(const Manifest& manifest) {
  switch (manifest.head.form) {
    case AnswerForm::one_class:
      return {"probabilities", "class"};
    case AnswerForm::labels:
      return {"probabilities", "labels"};
    case AnswerForm::values:
      return {"prediction"};
    case AnswerForm::tokens:
      break;
  }
  return {"logits"};
}

std::string add_matrix(GraphBuilder& graph, const std::string& name, const Preprocessing& schema) {
  graph.input(name, onnx::element_type(schema.numeric_type()),
              {batch, static_cast<std::int64_t>(schema.numeric.size())});
  return name;
}

/// Columns [n] side by side; those that are not wide come in float32. `name` goes on behind the last of them.
std::string add_columns(GraphBuilder& graph, std::vector<std::string>::const_iterator& name,
                        const Preprocessing& schema) {
  std::vector<std::string> columns;
  for (const auto& column : schema.numeric) {
    graph.input(*name, column.wide ? ElementType::float64 : ElementType::float32, {batch});
    auto value = *name++;
    if (schema.has_wide() && !column.wide)
      value = graph.node("Cast", {value}, {{"to", static_cast<std::int64_t>(ElementType::float64)}});
    columns.push_back(graph.node("Unsqueeze", {value, graph.constant({1})}));
  }
  return columns.size() == 1 ? columns[0] : graph.node("Concat", columns, {{"axis", std::int64_t{1}}});
}

/// The code of each word; of a hashed column the input is the code.
std::string add_look_up(GraphBuilder& graph, const CategoricalColumn& column, const std::string& input) {
  if (column.encoding == Encoding::hash) {
    // Gather counts what is negative from the end: such a code (a signed remainder) has to be refused.
    const auto valid = graph.node("GreaterOrEqual", {input, graph.constant({0})});
    const auto code = graph.node("Where", {valid, input, graph.constant({count_codes(column)})});
    return graph.node("Unsqueeze", {code, graph.constant({1})});
  }
  const auto table = word_table(column);
  const auto code = graph.node(
      "LabelEncoder", {input},
      {{"keys_strings", table.words}, {"values_int64s", table.codes}, {"default_int64", table.otherwise}}, "",
      onnx::ml_domain);
  return graph.node("Unsqueeze", {code, graph.constant({1})});
}

/// A schema's operation as nodes. `words`: the inputs of its categorical columns.
std::string add_operation(GraphBuilder& graph, const Operation& step, const std::vector<std::string>& values,
                          const Preprocessing& schema, const std::vector<std::string>& words) {
  using Kind = Operation::Kind;
  const auto input = [&](std::size_t i) { return values.at(step.inputs.at(i)); };
  const auto row = [&](const char* name, const std::vector<double>& constants, at::ScalarType type) {
    return graph.initializer(name, constant_row(constants, type));
  };
  const auto type = static_cast<std::int64_t>(onnx::element_type(step.type));
  switch (step.kind) {
    case Kind::cast:
      return graph.node("Cast", {input(0)}, {{"to", type}});
    case Kind::fill:
      return graph.node("Where", {graph.node("IsNaN", {input(0)}), row("fill", step.a, step.type), input(0)});
    case Kind::scale:
      return graph.node("Mul", {graph.node("Sub", {input(0), row("shift", step.a, step.type)}),
                                row("scale", step.b, step.type)});
    case Kind::choose:
      return graph.node("Where", {row("wide", step.a, at::kBool), input(0), input(1)});
    case Kind::look_up:
      return add_look_up(graph, schema.categorical[step.column], words.at(step.column));
    case Kind::one_hot: {
      const auto all = graph.initializer("places", at::arange(step.width, at::kLong).unsqueeze(0));
      return graph.node("Cast", {graph.node("Equal", {input(0), all})}, {{"to", type}});
    }
    case Kind::join:
      break;
  }
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < step.inputs.size(); ++i) parts.push_back(input(i));
  return graph.node("Concat", parts, {{"axis", std::int64_t{1}}});
}

/// Constants of a head: a number, or one for each column.
std::string add_constants(GraphBuilder& graph, const char* name, const std::vector<double>& numbers) {
  return graph.initializer(name, numbers.size() == 1 ? at::scalar_tensor(numbers[0], at::kFloat)
                                                     : constant_row(numbers, at::kFloat));
}

/// A head's operation as nodes; the result has the name `output` (a fresh one where it is empty).
std::string add_operation(GraphBuilder& graph, const HeadOperation& step, const std::string& scores,
                          const std::string& output) {
  using Kind = HeadOperation::Kind;
  switch (step.kind) {
    case Kind::sigmoid:
      return graph.node("Sigmoid", {scores}, {}, output);
    case Kind::softmax:
      return graph.node("Softmax", {scores}, {{"axis", std::int64_t{1}}}, output);
    case Kind::exponential:
      return graph.node("Exp", {scores}, {}, output);
    case Kind::scale:
      break;
  }
  const auto scaled = graph.node("Mul", {scores, add_constants(graph, "head_scale", step.scale)});
  return graph.node("Add", {scaled, add_constants(graph, "head_shift", step.shift)}, {}, output);
}

/// All operations of a head; the last result has the name `output` (a fresh one where it is empty).
std::string add_scores(GraphBuilder& graph, const Head& head, std::string scores, const std::string& output) {
  const auto& steps = head.operations;
  if (steps.empty() && !output.empty()) return graph.node("Identity", {scores}, {}, output);
  for (std::size_t i = 0; i < steps.size(); ++i)
    scores = add_operation(graph, steps[i], scores, i + 1 < steps.size() ? "" : output);
  return scores;
}

/// int64, 1 where `scores` are at least their thresholds.
void add_reached(GraphBuilder& graph, const Head& head, std::string scores, const std::string& output) {
  scores = graph.node("GreaterOrEqual", {scores, add_constants(graph, "threshold", head.thresholds)});
  if (head.is_binary()) scores = graph.node("Squeeze", {scores, graph.constant({1})});
  graph.node("Cast", {scores}, {{"to", to_int64}}, output);
}

void add_prediction(GraphBuilder& graph, const Head& head, const std::string& outputs) {
  if (has_several_values(head)) {
    add_scores(graph, head, outputs, "prediction");
    return graph.output("prediction", ElementType::float32, {batch, head.outputs});
  }
  graph.node("Squeeze", {add_scores(graph, head, outputs, ""), graph.constant({1})}, {}, "prediction");
  graph.output("prediction", ElementType::float32, {batch});
}

void add_answers(GraphBuilder& graph, const Manifest& manifest, const std::string& outputs) {
  const Head& head = manifest.head;
  if (const auto& tokens = manifest.preprocessing.tokens) {
    add_scores(graph, head, outputs, "logits");
    return graph.output("logits", ElementType::float32, {batch, tokens->context, tokens->vocabulary});
  }
  if (head.form == AnswerForm::values) return add_prediction(graph, head, outputs);
  if (head.is_binary()) {
    const auto p = add_scores(graph, head, outputs, "");
    graph.node("Concat", {graph.node("Sub", {graph.scalar(1), p}), p}, {{"axis", std::int64_t{1}}},
               "probabilities");
    add_reached(graph, head, p, "class");
  } else {
    add_scores(graph, head, outputs, "probabilities");
    if (head.form == AnswerForm::labels)
      add_reached(graph, head, "probabilities", "labels");
    else
      graph.node("ArgMax", {"probabilities"}, {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}},
                 "class");
  }
  graph.output("probabilities", ElementType::float32, {batch, head.width()});
  if (head.form == AnswerForm::labels)
    graph.output("labels", ElementType::int64, {batch, head.width()});
  else
    graph.output("class", ElementType::int64, {batch});
}

}  // namespace

bool has_column_inputs(const Manifest& manifest) {
  const auto& preprocessing = manifest.preprocessing;
  return manifest.inputs == "columns" && !preprocessing.tokens && !preprocessing.signature;
}

std::vector<std::string> onnx_input_names(const Preprocessing& preprocessing, bool by_column) {
  if (preprocessing.tokens) return {"tokens"};
  std::vector<std::string> names;
  if (preprocessing.signature) {
    for (const auto& input : preprocessing.signature->inputs) names.push_back(input.name);
    return names;
  }
  std::vector<std::string> taken{"numeric", "probabilities", "class", "labels", "prediction"};
  const auto add = [&](std::string name) {
    while (std::find(taken.begin(), taken.end(), name) != taken.end()) name += "_column";
    names.push_back(name);
    taken.push_back(name);
  };
  if (!by_column && !preprocessing.numeric.empty()) names.emplace_back("numeric");
  if (by_column)
    for (const auto& column : preprocessing.numeric) add(column.name);
  for (const auto& column : preprocessing.categorical) add(column.name);
  return names;
}

std::vector<std::string> graph_input_names(const Manifest& manifest) {
  const auto& columns = manifest.preprocessing.categorical;
  auto names = onnx_input_names(manifest.preprocessing, has_column_inputs(manifest));
  const auto first = names.size() - columns.size();
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (columns[c].encoding != Encoding::hash) continue;
    auto name = names[first + c] + "_code";
    while (std::find(names.begin(), names.end(), name) != names.end()) name += "_column";
    names[first + c] = name;
  }
  return names;
}

onnx::Model make_onnx(const Manifest& manifest, const TracedNetwork& network) {
  const auto& preprocessing = manifest.preprocessing;
  GraphBuilder graph(manifest.name);
  const bool by_column = has_column_inputs(manifest);
  const auto names = graph_input_names(manifest);
  for (const auto& name : names) graph.reserve(name);
  for (const auto& name : output_names(manifest)) graph.reserve(name);

  if (preprocessing.tokens) {
    graph.input("tokens", ElementType::int64, {batch, preprocessing.tokens->context});
    add_answers(graph, manifest, onnx::add_network(graph, network, {"tokens"}));
    return {graph.take(), RINGTRAIN_VERSION, {{"task", manifest.task}}};
  }
  if (preprocessing.signature) {
    for (const auto& input : preprocessing.signature->inputs) {
      std::vector<Dimension> shape{batch};
      shape.insert(shape.end(), input.dims.begin(), input.dims.end());
      graph.input(input.name, onnx::element_type(input.type), shape);
    }
    add_answers(graph, manifest, onnx::add_network(graph, network, names));
    return {graph.take(), RINGTRAIN_VERSION, {{"task", manifest.task}}};
  }
  auto name = names.cbegin();
  std::vector<std::string> values{""}, words;
  if (!preprocessing.numeric.empty())
    values[kNumeric] =
        by_column ? add_columns(graph, name, preprocessing) : add_matrix(graph, *name++, preprocessing);
  for (const auto& column : preprocessing.categorical) {
    graph.input(*name, column.encoding == Encoding::hash ? ElementType::int64 : ElementType::string, {batch});
    words.push_back(*name++);
  }
  const auto steps = operations(preprocessing, at::kFloat);
  for (const auto& step : steps.steps)
    values.push_back(add_operation(graph, step, values, preprocessing, words));
  std::vector<std::string> inputs;
  for (const auto& input : {steps.features, steps.categories})
    if (input) inputs.push_back(values.at(*input));
  add_answers(graph, manifest, onnx::add_network(graph, network, inputs));
  return {graph.take(), RINGTRAIN_VERSION, {{"task", manifest.task}}};
}

}  // namespace ringtrain
