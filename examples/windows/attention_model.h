// A network of one's own: `model: {type: attention, width: 16}`. It reads windows of any length: what is
// padding has no weight.
#pragma once

#include <ATen/ATen.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <cstdint>
#include <memory>
#include <string>

#include "ringtrain/models/network.h"

namespace windows {

struct AttentionNet : torch::nn::Module {
  AttentionNet(std::int64_t features, std::int64_t width, std::int64_t outputs)
      : day(register_module("day", torch::nn::Linear(features, width))),
        days(
            register_module("days", torch::nn::Conv1d(torch::nn::Conv1dOptions(width, width, 3).padding(1)))),
        weight(register_module("weight", torch::nn::Linear(width, 1))),
        hidden(register_module("hidden", torch::nn::Linear(width + 1, width))),
        output(register_module("output", torch::nn::Linear(width, outputs))) {}

  /// `series`: [n, days, features]; `known`: [n, days], 1 for a day and 0 for padding; `warmth`: [n].
  at::Tensor forward(const at::Tensor& series, const at::Tensor& known, const at::Tensor& warmth) {
    const at::Tensor mask = known.unsqueeze(2);
    const at::Tensor one = at::relu(day(series)) * mask;
    const at::Tensor near = at::relu(days(one.transpose(1, 2))).transpose(1, 2);
    const at::Tensor weights = at::softmax(weight(near) + (mask - 1) * 1e4, 1);
    const at::Tensor all = (near * weights).sum(1);
    return output(at::relu(hidden(at::cat({all, warmth.unsqueeze(1)}, 1))));
  }

  torch::nn::Linear day;
  torch::nn::Conv1d days;
  torch::nn::Linear weight, hidden, output;
};

class AttentionKind : public ringtrain::ModelKind {
 public:
  std::shared_ptr<ModelKind> clone() const override { return std::make_shared<AttentionKind>(*this); }
  std::string name() const override { return "attention"; }
  std::string doc() const override { return "A convolution over days, and a weighted mean of them."; }
  void describe(ringtrain::config::Visitor& v) override {
    v.field("width", width_, "Numbers of a day inside the network.", ringtrain::config::at_least(1));
  }
  ringtrain::Network make(const ringtrain::ModelShape& shape) const override {
    const auto net = std::make_shared<AttentionNet>(shape.features, width_, shape.outputs);
    return {net, [&taker = *net](const ringtrain::Fields& inputs) {
              return taker.forward(inputs.at("series"), inputs.at("known"), inputs.at("warmth"));
            }};
  }

 private:
  std::int64_t width_ = 16;
};

}  // namespace windows
