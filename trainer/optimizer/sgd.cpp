#include <ATen/ATen.h>

#include "trainer/optimizer/built_in_optimizers.h"

namespace ringtrain {
namespace {

class SgdKind : public OptimizerOfAnyRate<SgdKind> {
 public:
  std::string name() const override { return "sgd"; }
  std::string doc() const override { return "Stochastic gradient descent."; }
  void describe(config::Visitor& v) override {
    v.field("momentum", momentum_, "Momentum; 0: none.", config::fraction_below_one());
    v.field("nesterov", nesterov_, "Nesterov momentum.");
    v.require("nesterov", !nesterov_ || momentum_ > 0, "needs a momentum above 0");
  }

  std::vector<std::string> state_names() const override {
    return momentum_ > 0 ? std::vector<std::string>{"momentum"} : std::vector<std::string>{};
  }
  bool needs_counts() const override { return false; }
  std::optional<TorchOptimizer> in_pytorch() const override {
    TorchOptimizer same{{},
                        {{"momentum", {momentum_}},
                         {"dampening", {0}},
                         {"nesterov", {nesterov_ ? 1.0 : 0.0}},
                         {"maximize", {0}}}};
    if (momentum_ > 0) same.state["momentum"] = "momentum_buffer";
    return same;
  }

  // A momentum of zeros makes the first step what is_first_step would make it.
  template <class Rate>
  void step(const Operands& with, const Rate& lr, const std::optional<at::Tensor>& divisor,
            const std::optional<at::Tensor>& skips) const {
    const auto momentum = with.state.empty() ? at::TensorList{} : at::TensorList(with.state[0]);
    at::_fused_sgd_(with.values, with.gradients, momentum, with.weight_decay, momentum_, lr,
                    /*dampening=*/0.0, nesterov_, /*maximize=*/false, /*is_first_step=*/false, divisor,
                    skips);
  }

 private:
  double momentum_ = 0;
  bool nesterov_ = false;
};

}  // namespace

std::shared_ptr<OptimizerKind> sgd_kind() { return std::make_shared<SgdKind>(); }

}  // namespace ringtrain
