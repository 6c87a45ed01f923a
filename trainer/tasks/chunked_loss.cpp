#include "trainer/tasks/chunked_loss.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "common/errors.h"

namespace ringtrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr const char* kGradient = "gradient";

struct ChunkedCrossEntropy : torch::autograd::Function<ChunkedCrossEntropy> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& logits, const at::Tensor& targets,
                            std::int64_t rows) {
    const auto type = logits.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    const bool learns = logits.requires_grad();
    const at::Tensor gradient =
        learns ? at::empty(logits.sizes(), logits.options().requires_grad(false)) : at::Tensor();
    at::Tensor sum = at::zeros({}, logits.options().dtype(at::kDouble).requires_grad(false));
    for (std::int64_t begin = 0; begin < logits.size(0); begin += rows) {
      const std::int64_t count = std::min(rows, logits.size(0) - begin);
      at::Tensor values =
          logits.narrow(0, begin, count).detach().to(type, /*non_blocking=*/false, /*copy=*/true);
      const at::Tensor places = targets.narrow(0, begin, count).unsqueeze(1);
      const at::Tensor whole = at::logsumexp(values, 1, /*keepdim=*/true);
      sum += (whole - values.gather(1, places)).sum(at::kDouble);
      if (!learns) continue;
      values.sub_(whole).exp_();
      values.scatter_add_(1, places, at::full_like(whole, -1));
      gradient.narrow(0, begin, count).copy_(values);
    }
    if (learns) context->saved_data[kGradient] = gradient;
    return sum;
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    auto saved = context->saved_data.find(kGradient);
    if (saved == context->saved_data.end()) throw Error("backward of a chunked loss runs once only");
    at::Tensor gradient = saved->second.toTensor();
    context->saved_data.erase(saved);
    return {gradient.mul_(outputs[0]), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor chunked_cross_entropy(const at::Tensor& logits, const at::Tensor& targets, std::int64_t rows) {
  return ChunkedCrossEntropy::apply(logits, targets, rows);
}

std::int64_t rows_of_chunk(std::int64_t classes) {
  return std::max<std::int64_t>(1, (std::int64_t{16} << 20) / classes);
}

}  // namespace ringtrain
