#include "models/fused_batch_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <vector>

#include "models/batch_norm_kernels.h"

namespace ringtrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
namespace kernels = batch_norm_kernels;

bool channels_last(const at::Tensor& x) {
  return x.dim() == 4 && x.scalar_type() == at::kFloat && x.is_cpu() &&
         x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

kernels::Rows rows_of(const at::Tensor& x) { return {x.numel() / x.size(1), x.size(1)}; }

std::vector<float> values_of(const at::Tensor& tensor) {
  const float* values = tensor.const_data_ptr<float>();
  return {values, values + tensor.numel()};
}

at::Tensor tensor_of(const std::vector<double>& values) {
  auto tensor = at::empty({static_cast<std::int64_t>(values.size())}, at::kFloat);
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<float>());
  return tensor;
}

/// Of a gradient that will be differentiated itself: by operations that can be.
variable_list differentiable_backward(const at::Tensor& gradient, const at::Tensor& y, const at::Tensor& x,
                                      const at::Tensor& weight, double epsilon) {
  const auto passed = y.defined() ? at::where(y <= 0, at::zeros_like(gradient), gradient) : gradient;
  const std::vector<std::int64_t> all{0, 2, 3};
  const auto centred = x - x.mean(all, true);
  const auto rate = at::rsqrt(centred.square().mean(all, true) + epsilon);
  const auto normal = centred * rate;
  const auto of_x = weight.view({1, -1, 1, 1}) * rate *
                    (passed - passed.mean(all, true) - normal * (passed * normal).mean(all, true));
  return {of_x, (passed * normal).sum(all), passed.sum(all), passed};
}

class FusedBatchNorm : public torch::autograd::Function<FusedBatchNorm> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, const at::Tensor& running_mean,
                            const at::Tensor& running_var, double momentum, double epsilon,
                            const std::optional<at::Tensor>& shortcut, bool relu) {
    const auto rows = rows_of(x);
    const auto channels = static_cast<std::size_t>(rows.channels);
    const auto count = static_cast<double>(rows.count);
    const auto found = kernels::statistics(x.const_data_ptr<float>(), rows);
    const float *weights = weight.const_data_ptr<float>(), *offsets = bias.const_data_ptr<float>();
    auto mean = tensor_of(found.mean), rate = at::empty_like(mean);
    auto *rates = rate.mutable_data_ptr<float>(), *running = running_mean.mutable_data_ptr<float>(),
         *variances = running_var.mutable_data_ptr<float>();
    std::vector<float> scale(channels), shift(channels);
    for (std::size_t c = 0; c < channels; ++c) {
      const double one = 1 / std::sqrt(found.squares[c] / count + epsilon);
      rates[c] = static_cast<float>(one);
      scale[c] = static_cast<float>(weights[c] * one);
      shift[c] = static_cast<float>(offsets[c] - found.mean[c] * weights[c] * one);
      running[c] = static_cast<float>((1 - momentum) * running[c] + momentum * found.mean[c]);
      variances[c] =
          static_cast<float>((1 - momentum) * variances[c] + momentum * found.squares[c] / (count - 1));
    }
    auto y = at::empty_like(x);
    kernels::transform(x.const_data_ptr<float>(), scale, shift,
                       shortcut ? shortcut->const_data_ptr<float>() : nullptr, relu,
                       y.mutable_data_ptr<float>(), rows);
    context->save_for_backward({x, weight, mean, rate, relu ? y : at::Tensor()});
    context->saved_data["epsilon"] = epsilon;
    context->saved_data["shortcut"] = shortcut.has_value();
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &mean = saved[2], &rate = saved[3], &y = saved[4];
    variable_list results(9);
    const bool shortcut = context->saved_data["shortcut"].toBool();
    if (at::GradMode::is_enabled()) {
      const auto found =
          differentiable_backward(gradients[0], y, x, weight, context->saved_data["epsilon"].toDouble());
      std::copy(found.begin(), found.begin() + 3, results.begin());
      if (shortcut) results[7] = found[3];
      return results;
    }
    const auto gradient = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    const auto rows = rows_of(x);
    const auto* of_y = gradient.const_data_ptr<float>();
    const float* mask = y.defined() ? y.const_data_ptr<float>() : nullptr;
    const auto channels = static_cast<std::size_t>(rows.channels);
    kernels::Combination by{std::vector<float>(channels), std::vector<float>(channels),
                            std::vector<float>(channels), values_of(mean)};
    // What goes on to the shortcut is what is left of the gradient: then it is written once, and read below.
    auto passed = shortcut && mask != nullptr ? at::empty_like(gradient) : at::Tensor();
    const auto sums =
        kernels::gradient_sums(of_y, mask, x.const_data_ptr<float>(), by.mean,
                               passed.defined() ? passed.mutable_data_ptr<float>() : nullptr, rows);
    if (passed.defined()) {
      of_y = passed.const_data_ptr<float>();
      mask = nullptr;
    }
    if (shortcut) results[7] = passed.defined() ? passed : gradient;
    const auto *weights = weight.const_data_ptr<float>(), *rates = rate.const_data_ptr<float>();
    std::vector<double> of_weight(channels);
    const auto count = static_cast<double>(rows.count);
    for (std::size_t i = 0; i < channels; ++i) {
      const double factor = static_cast<double>(weights[i]) * rates[i];
      by.a[i] = static_cast<float>(factor);
      by.b[i] = static_cast<float>(-factor * rates[i] * rates[i] * sums.product[i] / count);
      by.c[i] = static_cast<float>(-factor * sums.gradient[i] / count);
      of_weight[i] = sums.product[i] * rates[i];
    }
    if (context->needs_input_grad(0)) {
      auto of_x = at::empty_like(x);
      kernels::input_gradient(of_y, mask, x.const_data_ptr<float>(), by, of_x.mutable_data_ptr<float>(),
                              rows);
      results[0] = of_x;
    }
    results[1] = tensor_of(of_weight);
    results[2] = tensor_of(sums.gradient);
    return results;
  }
};

}  // namespace

bool fused_batch_norm_applies(const at::Tensor& x, const at::Tensor& shortcut, const BatchNormState& state) {
  const auto plain = [](const at::Tensor& tensor) {
    return tensor.is_contiguous() && tensor.scalar_type() == at::kFloat && tensor.is_cpu();
  };
  return channels_last(x) && x.numel() > x.size(1) && plain(state.weight) && plain(state.bias) &&
         plain(state.running_mean) && plain(state.running_var) &&
         (!shortcut.defined() || (channels_last(shortcut) && shortcut.sizes() == x.sizes()));
}

at::Tensor fused_batch_norm(const at::Tensor& x, const BatchNormState& state, const at::Tensor& shortcut,
                            bool relu) {
  return FusedBatchNorm::apply(x, state.weight, state.bias, state.running_mean, state.running_var,
                               state.momentum, state.epsilon,
                               shortcut.defined() ? std::optional(shortcut) : std::nullopt, relu);
}

}  // namespace ringtrain
