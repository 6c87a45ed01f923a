#include "trainer/tasks/chunked_loss.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

namespace ringtrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Calls `with(begin, count, values)` for each chunk of rows, `values` being a copy in the type that is
/// computed in.
template <class With>
void for_chunks(const at::Tensor& logits, std::int64_t rows, const With& with) {
  const auto type = logits.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  for (std::int64_t begin = 0; begin < logits.size(0); begin += rows) {
    const std::int64_t count = std::min(rows, logits.size(0) - begin);
    with(begin, count, logits.narrow(0, begin, count).to(type, /*non_blocking=*/false, /*copy=*/true));
  }
}

/// The gradient is computed in backward, where its factor is known: of a float16 model that is the loss
/// scale, without which a probability of one in many classes is nothing in float16.
struct ChunkedCrossEntropy : torch::autograd::Function<ChunkedCrossEntropy> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& logits, const at::Tensor& targets,
                            std::int64_t rows) {
    at::Tensor sum = at::zeros({}, logits.options().dtype(at::kDouble).requires_grad(false));
    std::vector<at::Tensor> wholes{at::empty({0, 1}, sum.options().dtype(at::kFloat))};
    if (logits.scalar_type() == at::kDouble) wholes[0] = wholes[0].to(at::kDouble);
    for_chunks(logits.detach(), rows, [&](std::int64_t begin, std::int64_t count, const at::Tensor& values) {
      wholes.push_back(at::logsumexp(values, 1, /*keepdim=*/true));
      const at::Tensor places = targets.narrow(0, begin, count).unsqueeze(1);
      sum += (wholes.back() - values.gather(1, places)).sum(at::kDouble);
    });
    context->save_for_backward({logits, targets, at::cat(wholes)});
    context->saved_data["rows"] = rows;
    return sum;
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &logits = saved[0], &targets = saved[1], &whole = saved[2];
    const at::NoGradGuard no_grad;
    at::Tensor gradient = at::empty(logits.sizes(), logits.options().requires_grad(false));
    const auto rows = context->saved_data["rows"].toInt();
    for_chunks(logits.detach(), rows, [&](std::int64_t begin, std::int64_t count, const at::Tensor& values) {
      const at::Tensor mine = whole.narrow(0, begin, count);
      values.sub_(mine).exp_();
      values.scatter_add_(1, targets.narrow(0, begin, count).unsqueeze(1), at::full_like(mine, -1));
      gradient.narrow(0, begin, count).copy_(values.mul_(outputs[0]));
    });
    return {gradient, at::Tensor(), at::Tensor()};
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
