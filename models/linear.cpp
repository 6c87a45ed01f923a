#include "models/linear.h"

#include <torch/nn/modules/linear.h>

#include "models/dense.h"

namespace ringtrain {
namespace {

class Linear : public Model {
 public:
  Linear(const LinearKind& options, const ModelShape& shape)
      : Model("Linear"),
        output_(register_module(
            "output",
            torch::nn::Linear(torch::nn::LinearOptions(shape.features, shape.outputs).bias(options.bias)))) {}
  at::Tensor forward(const at::Tensor& inputs) override { return dense(inputs, output_); }

 private:
  torch::nn::Linear output_;
};

}  // namespace

void LinearKind::describe(config::Visitor& v) { v.field("bias", bias, "Whether the map has a bias."); }

Network LinearKind::make(const ModelShape& shape) const { return std::make_shared<Linear>(*this, shape); }

}  // namespace ringtrain
