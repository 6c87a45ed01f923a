#include "serving/onnx/export.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/errors.h"
#include "serving/onnx/network.h"
#include "serving/predict/model_outputs.h"

namespace ringtrain {
namespace {

using onnx::Dimension;
using onnx::ElementType;
using onnx::GraphBuilder;

const Dimension batch = std::string("n");
constexpr auto to_float = static_cast<std::int64_t>(ElementType::float32);
constexpr auto to_int64 = static_cast<std::int64_t>(ElementType::int64);

std::vector<std::string> output_names(const Manifest& manifest) {
  if (is_language_model(manifest)) return {"logits"};
  if (!is_classification(manifest)) return {"prediction"};
  return {"probabilities", "class"};
}

std::string add_matrix(GraphBuilder& graph, const std::string& name, std::size_t width) {
  graph.input(name, ElementType::float32, {batch, static_cast<std::int64_t>(width)});
  return name;
}

/// Columns [n] side by side. `name` goes on behind the last of them.
std::string add_columns(GraphBuilder& graph, std::vector<std::string>::const_iterator& name,
                        std::size_t width) {
  std::vector<std::string> columns;
  for (std::size_t i = 0; i < width; ++i, ++name) {
    graph.input(*name, ElementType::float32, {batch});
    columns.push_back(graph.node("Unsqueeze", {*name, graph.constant({1})}));
  }
  return columns.size() == 1 ? columns[0] : graph.node("Concat", columns, {{"axis", std::int64_t{1}}});
}

/// where(isnan(x), fill, x), then (x - shift) * scale.
std::string add_numeric(GraphBuilder& graph, const std::vector<NumericColumn>& columns,
                        const std::string& input) {
  std::vector<double> shift, scale, fill;
  for (const auto& column : columns) {
    shift.push_back(column.shift);
    scale.push_back(column.scale);
    fill.push_back(column.fill.value_or(std::nan("")));
  }
  const auto row = [&graph](const char* name, const std::vector<double>& values) {
    return graph.initializer(name, at::tensor(values, at::kDouble).to(at::kFloat));
  };
  const std::string filled = graph.node("Where", {graph.node("IsNaN", {input}), row("fill", fill), input});
  return graph.node("Mul", {graph.node("Sub", {filled, row("shift", shift)}), row("scale", scale)});
}

/// One-hot: a word's place compared with all places; an unknown word has place -1.
std::string add_categorical(GraphBuilder& graph, const CategoricalColumn& column, const std::string& input) {
  std::vector<std::string> words = column.vocabulary;
  if (column.missing_is_category) words.emplace_back();
  std::vector<std::int64_t> places;
  for (std::size_t i = 0; i < words.size(); ++i) places.push_back(static_cast<std::int64_t>(i));
  const auto all = graph.initializer("places", at::arange(column.width(), at::kLong).unsqueeze(0));
  const auto code =
      graph.node("LabelEncoder", {input},
                 {{"keys_strings", words}, {"values_int64s", places}, {"default_int64", std::int64_t{-1}}},
                 "", onnx::ml_domain);
  const auto equal = graph.node("Equal", {graph.node("Unsqueeze", {code, graph.constant({1})}), all});
  return graph.node("Cast", {equal}, {{"to", to_float}});
}

void add_answers(GraphBuilder& graph, const Manifest& manifest, const std::string& outputs) {
  if (const auto& tokens = manifest.preprocessing.tokens) {
    graph.node("Identity", {outputs}, {}, "logits");
    return graph.output("logits", ElementType::float32, {batch, tokens->context, tokens->vocabulary});
  }
  if (!is_classification(manifest)) {
    const auto& preprocessing = manifest.preprocessing;
    if (!preprocessing.scales_target()) {
      graph.node("Squeeze", {outputs, graph.constant({1})}, {}, "prediction");
    } else {
      const auto value = graph.node("Squeeze", {outputs, graph.constant({1})});
      const auto scaled = graph.node(
          "Mul", {value, graph.initializer("target_scale",
                                           at::scalar_tensor(preprocessing.target_scale, at::kFloat))});
      graph.node("Add",
                 {scaled, graph.initializer("target_shift",
                                            at::scalar_tensor(preprocessing.target_shift, at::kFloat))},
                 {}, "prediction");
    }
    return graph.output("prediction", ElementType::float32, {batch});
  }
  if (is_binary(manifest)) {
    const auto p = graph.node("Sigmoid", {outputs});
    graph.node("Concat", {graph.node("Sub", {graph.scalar(1), p}), p}, {{"axis", std::int64_t{1}}},
               "probabilities");
    const auto reached =
        graph.node("GreaterOrEqual",
                   {p, graph.initializer("threshold", at::scalar_tensor(manifest.threshold, at::kFloat))});
    graph.node("Cast", {graph.node("Squeeze", {reached, graph.constant({1})})}, {{"to", to_int64}}, "class");
  } else {
    graph.node("Softmax", {outputs}, {{"axis", std::int64_t{1}}}, "probabilities");
    graph.node("ArgMax", {"probabilities"}, {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}},
               "class");
  }
  graph.output("probabilities", ElementType::float32, {batch, class_count(manifest)});
  graph.output("class", ElementType::int64, {batch});
}

}  // namespace

bool has_column_inputs(const Manifest& manifest) { return manifest.inputs == "columns"; }

std::vector<std::string> onnx_input_names(const Preprocessing& preprocessing, bool by_column) {
  if (preprocessing.tokens) return {"tokens"};
  std::vector<std::string> names, taken{"numeric", "probabilities", "class", "prediction"};
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

onnx::Model make_onnx(const Manifest& manifest, const TracedNetwork& network) {
  const auto& preprocessing = manifest.preprocessing;
  GraphBuilder graph(manifest.name);
  const bool by_column = has_column_inputs(manifest);
  const auto names = onnx_input_names(preprocessing, by_column);
  for (const auto& name : names) graph.reserve(name);
  for (const auto& name : output_names(manifest)) graph.reserve(name);

  if (preprocessing.tokens) {
    graph.input("tokens", ElementType::int64, {batch, preprocessing.tokens->context});
    add_answers(graph, manifest, onnx::add_network(graph, network, "tokens"));
    return {graph.take(), RINGTRAIN_VERSION, {{"task", manifest.task}}};
  }
  std::vector<std::string> parts;
  auto name = names.cbegin();
  if (!preprocessing.numeric.empty()) {
    const auto matrix = by_column ? add_columns(graph, name, preprocessing.numeric.size())
                                  : add_matrix(graph, *name++, preprocessing.numeric.size());
    parts.push_back(add_numeric(graph, preprocessing.numeric, matrix));
  }
  for (const auto& column : preprocessing.categorical) {
    graph.input(*name, ElementType::string, {batch});
    if (column.width() > 0) parts.push_back(add_categorical(graph, column, *name));
    ++name;
  }
  const auto features =
      parts.size() == 1 ? parts[0] : graph.node("Concat", parts, {{"axis", std::int64_t{1}}});
  add_answers(graph, manifest, onnx::add_network(graph, network, features));
  return {graph.take(), RINGTRAIN_VERSION, {{"task", manifest.task}}};
}

}  // namespace ringtrain
