#include "models/dense.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "models/gradient_place.h"
#include "models/matrix_product.h"
#include "models/weight_shadow.h"

namespace ringtrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor as_rows(const at::Tensor& x) { return x.dim() == 2 ? x : x.reshape({-1, x.size(-1)}); }

/// Where `parameter`'s gradient of type `dtype` can be added to; undefined: nowhere.
at::Tensor place_for_gradient(const at::Tensor& parameter, at::ScalarType dtype) {
  const auto place = gradient_place(parameter);
  return place.defined() && place.scalar_type() == dtype ? place : at::Tensor();
}

bool is_plain(const at::Tensor& matrix) {
  return matrix.stride(1) == 1 && matrix.stride(0) >= matrix.size(1);
}

/// Whether matrix_product computes with these, and is worth it. All have two dimensions.
bool by_matrix_product(const at::Tensor& rows, const at::Tensor& weight) {
  return rows.scalar_type() == at::kFloat && rows.numel() > 0 && weight.numel() > 0 && is_plain(rows) &&
         is_plain(weight) && matrix_product::faster_here();
}

/// `bias` may be undefined.
at::Tensor product(const at::Tensor& rows, const at::Tensor& weight, const at::Tensor& bias, bool relu) {
  // Each call transposes the weight: that pays for itself with enough rows.
  if (rows.size(0) >= 64 && by_matrix_product(rows, weight)) {
    auto y = at::empty({rows.size(0), weight.size(0)}, rows.options());
    matrix_product::forward(rows, weight, bias, relu, y);
    return y;
  }
  auto y = bias.defined() ? at::addmm(bias, rows, weight.t()) : at::mm(rows, weight.t());
  if (relu) y.relu_();
  return y;
}

at::Tensor input_gradient(const at::Tensor& outer, const at::Tensor& weight) {
  if (!by_matrix_product(outer, weight)) return outer.mm(weight);
  auto gradient = at::empty({outer.size(0), weight.size(1)}, outer.options());
  matrix_product::input_gradient(outer, weight, gradient);
  return gradient;
}

at::Tensor weight_gradient(const at::Tensor& weight, const at::Tensor& outer, const at::Tensor& rows) {
  auto place = place_for_gradient(weight, outer.scalar_type());
  if (!place.defined()) return outer.t().mm(rows);
  if (is_plain(outer) && is_plain(place) && by_matrix_product(rows, weight))
    matrix_product::add_weight_gradient(outer, rows, place);
  else
    place.addmm_(outer.t(), rows);
  return {};
}

at::Tensor bias_gradient(const at::Tensor& bias, const at::Tensor& outer) {
  auto place = place_for_gradient(bias, outer.scalar_type());
  if (!place.defined()) return outer.sum(0);
  if (outer.scalar_type() == at::kFloat && is_plain(outer) && place.is_contiguous())
    matrix_product::add_bias_gradient(outer, place);
  else
    place.add_(outer.sum(0));
  return {};
}

class Dense : public torch::autograd::Function<Dense> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias, bool relu) {
    const auto rows = as_rows(x);
    auto y = product(rows, weight, bias.value_or(at::Tensor()), relu);
    if (x.dim() != 2) {
      auto sizes = x.sizes().vec();
      sizes.back() = weight.size(0);
      y = y.view(sizes);
    }
    context->save_for_backward({x, weight, bias.value_or(at::Tensor()), relu ? y : at::Tensor()});
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &bias = saved[2], &y = saved[3];
    at::Tensor gradient = gradients[0];
    if (y.defined()) gradient = at::threshold_backward(gradient, y, 0);
    const auto outer = as_rows(gradient), rows = as_rows(x);
    variable_list results(4);
    if (context->needs_input_grad(0))
      results[0] =
          (at::GradMode::is_enabled() ? outer.mm(weight) : input_gradient(outer, weight)).view(x.sizes());
    if (at::GradMode::is_enabled()) {  // these gradients will be differentiated themselves
      if (context->needs_input_grad(1)) results[1] = outer.t().mm(rows);
      if (bias.defined() && context->needs_input_grad(2)) results[2] = outer.sum(0);
      return results;
    }
    if (context->needs_input_grad(1)) results[1] = weight_gradient(weight, outer, rows);
    if (bias.defined() && context->needs_input_grad(2)) results[2] = bias_gradient(bias, outer);
    return results;
  }
};

bool applies(const at::Tensor& x, const at::Tensor& weight) {
  return at::GradMode::is_enabled() && weight.requires_grad() && x.is_cpu() && x.dim() >= 2 &&
         x.scalar_type() == weight.scalar_type() && !at::autocast::is_autocast_enabled(at::kCPU);
}

}  // namespace

at::Tensor dense(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, bool relu) {
  if (applies(x, weight))
    return Dense::apply(x, weight, bias.defined() ? std::optional(bias) : std::nullopt, relu);
  const auto y = at::linear(x, shadow_of(weight), shadow_of(bias));
  return relu ? at::relu(y) : y;
}

}  // namespace ringtrain
