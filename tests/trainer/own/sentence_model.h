#pragma once

#include <ATen/ATen.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>

#include "models/network.h"

namespace ringtrain::test {

/// A module as anybody writes one: the mean of the words' embeddings, and two numbers.
struct Sentence : torch::nn::Module {
  Sentence(std::int64_t words, std::int64_t width, std::int64_t outputs)
      : embedding(register_module("embedding", torch::nn::Embedding(words, width))),
        output(register_module("output", torch::nn::Linear(width + 2, outputs))) {}

  at::Tensor forward(const at::Tensor& words, const at::Tensor& mask, const at::Tensor& numbers) {
    const auto type = embedding->weight.scalar_type();
    const auto weight = mask.to(type).unsqueeze(2);
    const auto mean = (embedding(words) * weight).sum(1) / weight.sum(1);
    return output(at::cat({mean, numbers.to(type)}, 1));
  }

  torch::nn::Embedding embedding;
  torch::nn::Linear output;
};

class SentenceKind : public ModelKind {
 public:
  std::shared_ptr<ModelKind> clone() const override { return std::make_shared<SentenceKind>(*this); }
  std::string name() const override { return "sentence"; }
  std::string doc() const override { return "The mean of embeddings."; }
  void describe(config::Visitor& v) override {
    v.field("width", width_, "Of an embedding.", config::at_least(1));
    v.field("outputs", outputs_, "0: as many as the task needs.", config::non_negative());
  }
  Network make(const ModelShape& shape) const override {
    const auto module =
        std::make_shared<Sentence>(shape.features, width_, outputs_ > 0 ? outputs_ : shape.outputs);
    return {module, [&taker = *module](const Fields& inputs) {
              return taker.forward(inputs.at("words"), inputs.at("mask"), inputs.at("numbers"));
            }};
  }

 private:
  std::int64_t width_ = 4, outputs_ = 0;
};

/// Without anything to train.
class NothingKind : public ModelKind {
 public:
  std::shared_ptr<ModelKind> clone() const override { return std::make_shared<NothingKind>(*this); }
  std::string name() const override { return "nothing"; }
  std::string doc() const override { return "Answers 0."; }
  void describe(config::Visitor&) override {}
  Network make(const ModelShape& shape) const override {
    return {std::make_shared<torch::nn::Module>("Nothing"), [shape](const Fields& inputs) {
              return at::zeros({inputs.samples(), shape.outputs}, at::kDouble);
            }};
  }
};

}  // namespace ringtrain::test
