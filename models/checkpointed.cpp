#include "models/checkpointed.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include <mutex>
#include <optional>
#include <stdexcept>

#include "models/autocast.h"
#include "models/weight_shadow.h"

namespace ringtrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Generator generator_of(const at::Device& device) { return at::globalContext().defaultGenerator(device); }

at::Tensor draws_of(const at::Device& device) {
  auto generator = generator_of(device);
  const std::lock_guard lock(generator.mutex());
  return generator.get_state();
}

/// While it lives the generator draws what it drew after `state`; then it goes on where it was. Undefined:
/// nothing.
class DrawAgain {
 public:
  DrawAgain(const at::Device& device, const at::Tensor& state) : device_(device) {
    if (!state.defined()) return;
    before_ = draws_of(device);
    set(state);
  }
  ~DrawAgain() {
    if (before_.defined()) set(before_);
  }
  DrawAgain(const DrawAgain&) = delete;
  DrawAgain& operator=(const DrawAgain&) = delete;

 private:
  void set(const at::Tensor& state) {
    auto generator = generator_of(device_);
    const std::lock_guard lock(generator.mutex());
    generator.set_state(state);
  }
  at::Device device_;
  at::Tensor before_;
};

/// The body with all that it computes by.
struct Body : torch::CustomClassHolder {
  std::function<at::Tensor(const at::Tensor&)> compute;
  std::optional<c10::ScalarType> autocast;
  const WeightShadow* shadow = nullptr;
  at::Tensor draws;
};

class Checkpointed : public torch::autograd::Function<Checkpointed> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const c10::intrusive_ptr<Body>& body) {
    context->save_for_backward({x});
    context->saved_data["body"] = c10::IValue::make_capsule(body);
    const at::AutoGradMode as_the_second_time(true);
    return body->compute(x.detach().requires_grad_()).detach();
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    if (at::GradMode::is_enabled())
      throw std::logic_error("the gradient of a checkpointed body cannot be differentiated");
    const auto x = context->get_saved_variables()[0].detach().requires_grad_();
    const auto body = c10::static_intrusive_pointer_cast<Body>(context->saved_data["body"].toCapsule());
    at::Tensor y;
    {
      const at::AutoGradMode with_gradients(true);
      const Autocast autocast(x.device().type(), body->autocast);
      const WeightShadow::Scope shadow(body->shadow);
      const DrawAgain draws(x.device(), body->draws);
      y = body->compute(x);
    }
    torch::autograd::backward({y}, {gradients[0]});
    return {x.grad(), at::Tensor()};
  }
};

}  // namespace

at::Tensor checkpointed(const std::function<at::Tensor(const at::Tensor&)>& body, const at::Tensor& x,
                        bool random) {
  if (!at::GradMode::is_enabled() || !x.requires_grad()) return body(x);
  auto holder = c10::make_intrusive<Body>();
  holder->compute = body;
  holder->autocast = autocast_here(x.device().type());
  holder->shadow = WeightShadow::current();
  if (random) holder->draws = draws_of(x.device());
  return Checkpointed::apply(x, holder);
}

}  // namespace ringtrain
