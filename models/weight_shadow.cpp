#include "models/weight_shadow.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <utility>

#include "models/gradient_place.h"

namespace ringtrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

thread_local const WeightShadow* here = nullptr;

class Stand : public torch::autograd::Function<Stand> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& parameter, const at::Tensor& copy) {
    context->save_for_backward({parameter});
    return copy.detach();
  }

  /// Hooks at AccumulateGrad run as ever, with an undefined gradient (dense.h).
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const at::Tensor parameter = context->get_saved_variables()[0];
    const at::Tensor& gradient = gradients[0];
    const auto place = at::GradMode::is_enabled() ? at::Tensor() : gradient_place(parameter);
    if (!place.defined()) return {gradient.to(parameter.scalar_type()), at::Tensor()};
    place.add_(gradient);
    return {at::Tensor(), at::Tensor()};
  }
};

}  // namespace

void WeightShadow::add(const at::Tensor& parameter, const at::Tensor& copy) {
  copies_[parameter.unsafeGetTensorImpl()] = copy;
}

WeightShadow::Scope::Scope(const WeightShadow* shadow) : before_(std::exchange(here, shadow)) {}
WeightShadow::Scope::~Scope() { here = before_; }
const WeightShadow* WeightShadow::current() { return here; }

at::Tensor shadow_of(const at::Tensor& parameter) {
  if (here == nullptr || !parameter.defined()) return parameter;
  const auto found = here->copies_.find(parameter.unsafeGetTensorImpl());
  if (found == here->copies_.end()) return parameter;
  return parameter.requires_grad() && at::GradMode::is_enabled() ? Stand::apply(parameter, found->second)
                                                                 : found->second;
}

}  // namespace ringtrain
