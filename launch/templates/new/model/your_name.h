// A network of your own, `model: {type: your_name}`: layers that each add something to what they are given.
#pragma once

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ringtrain/models/network.h"

namespace your_name_kind {

/// A module as anybody writes one with LibTorch. A `Model` takes one tensor, and is exported; so it must be
/// traceable: no branch on values. One that takes several tensors is any torch::nn::Module: see Network.
class YourNameNet : public ringtrain::Model {
 public:
  YourNameNet(std::int64_t features, std::int64_t width, std::int64_t layers, std::int64_t outputs)
      : input_(register_module("input", torch::nn::Linear(features, width))),
        output_(register_module("output", torch::nn::Linear(width, outputs))) {
    for (std::int64_t i = 0; i < layers; ++i)
      layers_.push_back(register_module("layer" + std::to_string(i), torch::nn::Linear(width, width)));
  }

  // `inputs`: [n, features], already scaled, words as zeros and ones. Returns [n, outputs], without the last
  // sigmoid or softmax: what outputs mean is the task's. n may be 0.
  at::Tensor forward(const at::Tensor& inputs) override {
    auto x = input_(inputs);
    for (auto& layer : layers_) x = x + at::relu(layer(x));
    return output_(x);
  }

 private:
  torch::nn::Linear input_, output_;
  std::vector<torch::nn::Linear> layers_;
};

/// What a configuration chooses, and its options.
class YourNameKind : public ringtrain::ModelKind {
 public:
  // Each configuration has a copy with options of its own.
  std::shared_ptr<ringtrain::ModelKind> clone() const override {
    return std::make_shared<YourNameKind>(*this);
  }
  std::string name() const override { return "your_name"; }
  std::string doc() const override { return "Layers that each add something to what they are given."; }
  // Each option once: for YAML, for errors with file and line, for the reference that `config` prints.
  void describe(ringtrain::config::Visitor& v) override {
    v.field("width", width_, "Numbers of a layer.", ringtrain::config::at_least(1));
    v.field("layers", layers_, "How many there are.", ringtrain::config::at_least(0));
  }

  // `shape.features` comes from the data, `shape.outputs` from the task. Weights are drawn from LibTorch's
  // generator, which was given the run's seed: all ranks start from the same ones.
  ringtrain::Network make(const ringtrain::ModelShape& shape) const override {
    return std::make_shared<YourNameNet>(shape.features, width_, layers_, shape.outputs);
  }

 private:
  std::int64_t width_ = 32, layers_ = 2;
};

}  // namespace your_name_kind
