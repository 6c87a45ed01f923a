#include "models/mlp.h"

#include <torch/nn/functional/dropout.h>
#include <torch/nn/modules/linear.h>

#include "models/activation.h"
#include "models/dense.h"

namespace ringtrain {
namespace {

class Mlp : public Model {
 public:
  Mlp(const MlpKind& options, const ModelShape& shape)
      : Model("Mlp"), activation_(options.activation), dropout_(options.dropout) {
    std::int64_t width = shape.features;
    for (std::size_t i = 0; i < options.hidden.size(); ++i) {
      hidden_.push_back(
          register_module("hidden" + std::to_string(i), torch::nn::Linear(width, options.hidden[i])));
      width = options.hidden[i];
    }
    output_ = register_module("output", torch::nn::Linear(width, shape.outputs));
  }

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
  std::vector<torch::nn::Linear> hidden_;
  torch::nn::Linear output_{nullptr};
};

}  // namespace

void MlpKind::describe(config::Visitor& v) {
  v.field("hidden", hidden, "Widths of the hidden layers.", config::at_least(1));
  v.field("activation", activation, "Activation after each hidden layer.", activation_names());
  v.field("dropout", dropout, "Probability of dropping a hidden value in training.",
          config::fraction_below_one());
}

Network MlpKind::make(const ModelShape& shape) const { return std::make_shared<Mlp>(*this, shape); }

}  // namespace ringtrain
