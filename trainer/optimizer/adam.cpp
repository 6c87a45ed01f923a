#include <ATen/ATen.h>

#include "trainer/optimizer/built_in_optimizers.h"

namespace ringtrain {
namespace {

class AdamKind : public OptimizerOfAnyRate<AdamKind> {
 public:
  explicit AdamKind(bool decoupled) : decoupled_(decoupled) {}

  std::string name() const override { return decoupled_ ? "adamw" : "adam"; }
  std::string doc() const override {
    return decoupled_ ? "AdamW (Loshchilov and Hutter 2019)." : "Adam (Kingma and Ba 2015).";
  }
  void describe(config::Visitor& v) override {
    v.field("beta1", beta1_, "Decay of the mean of gradients.", config::fraction_below_one());
    v.field("beta2", beta2_, "Decay of the mean of squared gradients.", config::fraction_below_one());
    v.field("eps", eps_, "Added to the denominator.", config::positive());
  }

  std::vector<std::string> state_names() const override { return {"exp_avg", "exp_avg_sq"}; }
  bool needs_counts() const override { return true; }
  std::optional<TorchOptimizer> in_pytorch() const override {
    return TorchOptimizer{{{"exp_avg", "exp_avg"}, {"exp_avg_sq", "exp_avg_sq"}},
                          {{"betas", {beta1_, beta2_}},
                           {"eps", {eps_}},
                           {"amsgrad", {0}},
                           {"maximize", {0}},
                           {"decoupled_weight_decay", {decoupled_ ? 1.0 : 0.0}}}};
  }

  template <class Rate>
  void step(const Operands& with, const Rate& lr, const std::optional<at::Tensor>& divisor,
            const std::optional<at::Tensor>& skips) const {
    if (decoupled_)
      at::_fused_adamw_(with.values, with.gradients, with.state[0], with.state[1], {}, with.counts, lr,
                        beta1_, beta2_, with.weight_decay, eps_, /*amsgrad=*/false, /*maximize=*/false,
                        divisor, skips);
    else
      at::_fused_adam_(with.values, with.gradients, with.state[0], with.state[1], {}, with.counts, lr, beta1_,
                       beta2_, with.weight_decay, eps_, /*amsgrad=*/false, /*maximize=*/false, divisor,
                       skips);
  }

 private:
  bool decoupled_;  ///< weight decay apart from the gradient: adamw
  double beta1_ = 0.9, beta2_ = 0.999, eps_ = 1e-8;
};

}  // namespace

std::shared_ptr<OptimizerKind> adam_kind() { return std::make_shared<AdamKind>(/*decoupled=*/false); }
std::shared_ptr<OptimizerKind> adamw_kind() { return std::make_shared<AdamKind>(/*decoupled=*/true); }

}  // namespace ringtrain
