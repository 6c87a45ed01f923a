#include "models/mlp.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/nn/functional/dropout.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>
#include <cmath>

#include "common/errors.h"
#include "common/text.h"
#include "models/activation.h"
#include "models/dense.h"

namespace ringtrain {
namespace {

/// A width for each coded column. Throws ConfigError for another number of them.
std::vector<std::int64_t> widths_of(const std::vector<CodedColumn>& columns,
                                    const std::vector<std::int64_t>& given) {
  std::vector<std::int64_t> widths;
  for (const auto& column : columns) widths.push_back(embedding_width(column.codes));
  if (given.empty()) return widths;
  if (given.size() == 1) return std::vector<std::int64_t>(columns.size(), given[0]);
  if (given.size() == columns.size()) return given;
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(column.name);
  throw ConfigError(
      fmt::format("model.embedding_widths has {} numbers, but the data have {} coded column{}{}; "
                  "give one for each, in this order, or one for all",
                  given.size(), columns.size(), columns.size() == 1 ? "" : "s",
                  names.empty() ? "" : " (" + join(names) + ")"));
}

class Mlp : public Model {
 public:
  Mlp(const MlpKind& options, const ModelShape& shape)
      : Model("Mlp"), activation_(options.activation), dropout_(options.dropout) {
    std::int64_t width = shape.features;
    const auto widths = widths_of(shape.categories, options.embedding_widths);
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const torch::nn::EmbeddingOptions sizes(shape.categories[i].codes, widths[i]);
      embeddings_.push_back(register_module(
          "embedding" + std::to_string(i), torch::nn::Embedding(torch::nn::EmbeddingOptions(sizes)._weight(
                                               at::zeros({sizes.num_embeddings(), sizes.embedding_dim()})))));
      width += widths[i];
    }
    for (std::size_t i = 0; i < options.hidden.size(); ++i) {
      hidden_.push_back(
          register_module("hidden" + std::to_string(i), torch::nn::Linear(width, options.hidden[i])));
      width = options.hidden[i];
    }
    output_ = register_module("output", torch::nn::Linear(width, shape.outputs));
  }

  /// Features, where there are any, and codes [n, tables].
  at::Tensor forward(const Fields& inputs) {
    if (embeddings_.empty()) return forward(inputs.only());
    std::vector<at::Tensor> parts;
    if (inputs.size() > 1) parts.push_back(inputs.at(kNumericInput));
    const auto codes = inputs.at(kCategoriesInput).split(1, 1);
    for (std::size_t i = 0; i < embeddings_.size(); ++i)
      parts.push_back(embeddings_[i](codes.at(i)).flatten(1));
    return forward(parts.size() == 1 ? parts[0] : at::cat(parts, 1));
  }

  /// All numbers that go into the first layer.
  at::Tensor forward(const at::Tensor& inputs) override {
    at::Tensor x = inputs;
    for (auto& layer : hidden_) {
      x = activation_ == "relu" ? dense(x, layer, /*relu=*/true) : activate(activation_, dense(x, layer));
      if (dropout_ > 0) x = at::dropout(x, dropout_, is_training());
    }
    return dense(x, output_);
  }

 private:
  std::string activation_;
  double dropout_;
  std::vector<torch::nn::Embedding> embeddings_;
  std::vector<torch::nn::Linear> hidden_;
  torch::nn::Linear output_{nullptr};
};

}  // namespace

void MlpKind::describe(config::Visitor& v) {
  v.field("hidden", hidden, "Widths of the hidden layers.", config::at_least(1));
  v.field("activation", activation, "Activation after each hidden layer.", activation_names());
  v.field("dropout", dropout, "Probability of dropping a hidden value in training.",
          config::fraction_below_one());
  v.field(
      "embedding_widths", embedding_widths,
      "Numbers that stand for a word of each embedded or hashed column, in the order of the columns in the "
      "file, or one for all. Empty: min(50, round(1.6 n^0.56)) for a column of n codes.",
      config::at_least(1));
}

std::int64_t embedding_width(std::int64_t codes) {
  return std::min<std::int64_t>(50, std::llround(1.6 * std::pow(static_cast<double>(codes), 0.56)));
}

Network MlpKind::make(const ModelShape& shape) const {
  const auto mlp = std::make_shared<Mlp>(*this, shape);
  return {mlp, [&taker = *mlp](const Fields& inputs) { return taker.forward(inputs); }};
}

}  // namespace ringtrain
