#pragma once

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>

#include "models/network.h"

namespace ringtrain::test {

/// A small network as anybody writes one, with a mistake that does not crash.
struct Spoilt : torch::nn::Module {
  Spoilt(std::int64_t features, std::int64_t outputs, std::string mistake)
      : first(register_module("first", torch::nn::Linear(features, 32))),
        second(register_module("second", torch::nn::Linear(32, 16))),
        last(register_module("last", torch::nn::Linear(16, outputs))),
        mistake_(std::move(mistake)) {
    const torch::NoGradGuard no_gradient;
    if (mistake_ == "dead") second->bias.fill_(-100);
    if (mistake_ == "large_start") last->weight.mul_(300);
  }

  at::Tensor forward(const at::Tensor& given) {
    at::Tensor x = given;
    if (mistake_ == "deaf")
      x = at::cat({x.narrow(1, 0, 1), at::zeros_like(x.narrow(1, 1, x.size(1) - 1))}, 1);
    x = first(x).relu();
    if (mistake_ == "detached") x = x.detach();
    if (mistake_ == "over_batch") x = x - x.mean(0, true);
    if (mistake_ == "softmax_over_batch") x = x.softmax(0) * x.size(0);
    x = second(x).relu();
    if (mistake_ == "always_dropped") x = at::dropout(x, 0.5, true);
    if (mistake_ == "vanished") x = (x * 1e-30).sigmoid() * 1e-12;
    return last(x);
  }

  torch::nn::Linear first, second, last;

 private:
  std::string mistake_;
};

class SpoiltKind : public ModelKind {
 public:
  std::shared_ptr<ModelKind> clone() const override { return std::make_shared<SpoiltKind>(*this); }
  std::string name() const override { return "spoilt"; }
  std::string doc() const override { return "Has a mistake."; }
  void describe(config::Visitor& v) override { v.field("mistake", mistake_, "Which one."); }
  Network make(const ModelShape& shape) const override {
    const auto module = std::make_shared<Spoilt>(shape.features, shape.outputs, mistake_);
    return {module, [&taker = *module](const Fields& inputs) { return taker.forward(inputs.only()); }};
  }

 private:
  std::string mistake_ = "none";
};

}  // namespace ringtrain::test
