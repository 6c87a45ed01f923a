#include "models/residual_norm.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <optional>
#include <tuple>

#include "models/autocast.h"

namespace ringtrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Four = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor>;
using Forward = Four(const at::Tensor& x, const std::optional<at::Tensor>& branch, const at::Tensor& weight,
                     const at::Tensor& bias, double epsilon, at::ScalarType type);
using Backward = Four(const at::Tensor& of_normed, const std::optional<at::Tensor>& of_sum,
                      const at::Tensor& sum, const at::Tensor& weight, const at::Tensor& means,
                      const at::Tensor& rstds, bool branch);

/// The widths that a warp can hold in its registers.
constexpr std::int64_t kWidest = 2048;

c10::OperatorHandle operation(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "");
}

/// Outputs: the sum, where a branch was added; the normalised.
struct ResidualNorm : torch::autograd::Function<ResidualNorm> {
  static variable_list forward(AutogradContext* context, const at::Tensor& x,
                               const std::optional<at::Tensor>& branch, const at::Tensor& weight,
                               const at::Tensor& bias, double epsilon, at::ScalarType type) {
    static const auto here = operation("ringtrain::residual_norm").typed<Forward>();
    const auto [sum, normed, means, rstds] = here.call(x, branch, weight, bias, epsilon, type);
    context->set_materialize_grads(false);
    context->save_for_backward({branch ? sum : x, weight, means, rstds});
    context->saved_data["branch"] = branch.has_value();
    return branch ? variable_list{sum, normed} : variable_list{normed};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    static const auto here = operation("ringtrain::residual_norm_backward").typed<Backward>();
    const auto saved = context->get_saved_variables();
    const bool branch = context->saved_data["branch"].toBool();
    const at::Tensor of_sum = branch ? gradients.front() : at::Tensor(), of_normed = gradients.back();
    const auto [to_x, to_branch, to_weight, to_bias] =
        here.call(of_normed, of_sum.defined() ? std::optional(of_sum) : std::nullopt, saved[0], saved[1],
                  saved[2], saved[3], branch);
    return {to_x, to_branch, to_weight, to_bias, at::Tensor(), at::Tensor()};
  }
};

/// The 16 bits that the fused kernels would give; none where they do not apply.
std::optional<at::ScalarType> fused_type(const at::Tensor& x, const at::Tensor& branch,
                                         const torch::nn::LayerNormImpl& norm) {
  if (!at::GradMode::is_enabled()) return std::nullopt;
  const auto type = autocast_here(x.device().type());
  const std::int64_t width = x.size(-1);
  const bool fits = type && x.scalar_type() == at::kFloat && norm.weight.defined() && norm.bias.defined() &&
                    norm.weight.dim() == 1 && norm.weight.scalar_type() == at::kFloat && width % 8 == 0 &&
                    width <= kWidest && x.numel() > 0 &&
                    (!branch.defined() || (branch.scalar_type() == *type && branch.sizes() == x.sizes()));
  if (!fits) return std::nullopt;
  const auto device = x.is_cuda() ? c10::DispatchKey::CUDA : c10::DispatchKey::CPU;
  return operation("ringtrain::residual_norm").hasKernelForDispatchKey(device) ? type : std::nullopt;
}

}  // namespace

Normed residual_norm(const at::Tensor& x, const at::Tensor& branch, torch::nn::LayerNormImpl& norm) {
  if (const auto type = fused_type(x, branch, norm)) {
    const auto more = branch.defined() ? std::optional(branch) : std::nullopt;
    const auto made = ResidualNorm::apply(x, more, norm.weight, norm.bias, norm.options.eps(), *type);
    return {branch.defined() ? made[0] : x, made.back()};
  }
  const at::Tensor sum = branch.defined() ? x + branch : x;
  return {sum, norm.forward(sum)};
}

TORCH_LIBRARY_FRAGMENT(ringtrain, m) {
  m.def(
      "residual_norm(Tensor x, Tensor? branch, Tensor weight, Tensor bias, float epsilon, ScalarType type) "
      "-> "
      "(Tensor, Tensor, Tensor, Tensor)");
  m.def(
      "residual_norm_backward(Tensor of_normed, Tensor? of_sum, Tensor sum, Tensor weight, Tensor means, "
      "Tensor rstds, bool branch) -> (Tensor, Tensor, Tensor, Tensor)");
}

}  // namespace ringtrain
