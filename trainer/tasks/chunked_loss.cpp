#include "trainer/tasks/chunked_loss.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <tuple>
#include <vector>

namespace ringtrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Calls `with(begin, count, values)` for each chunk of rows, `values` being a copy of their classes in the
/// type that is computed in.
template <class With>
void for_chunks(const at::Tensor& logits, std::int64_t classes, std::int64_t rows, const With& with) {
  const auto type = logits.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  for (std::int64_t begin = 0; begin < logits.size(0); begin += rows) {
    const std::int64_t count = std::min(rows, logits.size(0) - begin);
    with(
        begin, count,
        logits.narrow(0, begin, count).narrow(1, 0, classes).to(type, /*non_blocking=*/false, /*copy=*/true));
  }
}

std::tuple<at::Tensor, at::Tensor> cross_entropy(const at::Tensor& logits, const at::Tensor& targets,
                                                 std::int64_t classes, std::int64_t rows) {
  at::Tensor sum = at::zeros({}, logits.options().dtype(at::kDouble));
  std::vector<at::Tensor> wholes{at::empty({0, 1}, sum.options().dtype(at::kFloat))};
  if (logits.scalar_type() == at::kDouble) wholes[0] = wholes[0].to(at::kDouble);
  for_chunks(logits, classes, rows, [&](std::int64_t begin, std::int64_t count, const at::Tensor& values) {
    wholes.push_back(at::logsumexp(values, 1, /*keepdim=*/true));
    const at::Tensor places = targets.narrow(0, begin, count).unsqueeze(1);
    sum += (wholes.back() - values.gather(1, places)).sum(at::kDouble);
  });
  return {sum, at::cat(wholes)};
}

at::Tensor cross_entropy_backward(const at::Tensor& logits, const at::Tensor& targets, std::int64_t classes,
                                  std::int64_t rows, const at::Tensor& wholes, const at::Tensor& factor) {
  at::Tensor gradient = at::empty(logits.sizes(), logits.options());
  gradient.narrow(1, classes, logits.size(1) - classes).zero_();
  for_chunks(logits, classes, rows, [&](std::int64_t begin, std::int64_t count, const at::Tensor& values) {
    const at::Tensor mine = wholes.narrow(0, begin, count);
    values.sub_(mine).exp_();
    values.scatter_add_(1, targets.narrow(0, begin, count).unsqueeze(1), at::full_like(mine, -1));
    gradient.narrow(0, begin, count).narrow(1, 0, classes).copy_(values.mul_(factor));
  });
  return gradient;
}

/// The operator of this device.
template <class Function>
auto on_device(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Function>();
}

/// The gradient is computed in backward, where its factor is known: of a float16 model that is the loss
/// scale, without which a probability of one in many classes is nothing in float16.
struct CrossEntropy : torch::autograd::Function<CrossEntropy> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& logits, const at::Tensor& targets,
                            std::int64_t classes, std::int64_t rows) {
    static const auto here = on_device<decltype(cross_entropy)>("ringtrain::cross_entropy");
    const auto [sum, wholes] = here.call(logits.detach(), targets, classes, rows);
    context->save_for_backward({logits, targets, wholes});
    context->saved_data["classes"] = classes;
    context->saved_data["rows"] = rows;
    return sum;
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    static const auto here = on_device<decltype(cross_entropy_backward)>("ringtrain::cross_entropy_backward");
    const auto saved = context->get_saved_variables();
    const at::NoGradGuard no_grad;
    const auto gradient = here.call(saved[0].detach(), saved[1], context->saved_data["classes"].toInt(),
                                    context->saved_data["rows"].toInt(), saved[2], outputs[0]);
    return {gradient, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

/// Logits may be the first columns of a wider product (models/padded_product.h). Then it is that product,
/// whose gradient needs no second tensor and no copy.
at::Tensor widened(const at::Tensor& logits) {
  if (!logits.is_view()) return logits;
  const at::Tensor base(logits._base());
  const bool first_columns =
      base.dim() > 0 && base.is_contiguous() && base.scalar_type() == logits.scalar_type() &&
      base.requires_grad() == logits.requires_grad() && base.storage_offset() == logits.storage_offset() &&
      logits.strides() == at::IntArrayRef({base.size(-1), 1}) &&
      base.numel() == logits.size(0) * base.size(-1);
  return first_columns ? base.view({logits.size(0), base.size(-1)}) : logits;
}

}  // namespace

at::Tensor chunked_cross_entropy(const at::Tensor& logits, const at::Tensor& targets, std::int64_t rows) {
  return CrossEntropy::apply(widened(logits), targets.contiguous(), logits.size(1), rows);
}

std::int64_t rows_of_chunk(std::int64_t classes) {
  return std::max<std::int64_t>(1, (std::int64_t{16} << 20) / classes);
}

TORCH_LIBRARY_FRAGMENT(ringtrain, m) {
  m.def("cross_entropy(Tensor logits, Tensor targets, int classes, int rows) -> (Tensor, Tensor)");
  m.def(
      "cross_entropy_backward(Tensor logits, Tensor targets, int classes, int rows, Tensor wholes, Tensor "
      "factor) -> Tensor");
}

TORCH_LIBRARY_IMPL(ringtrain, CPU, m) {
  m.impl("cross_entropy", cross_entropy);
  m.impl("cross_entropy_backward", cross_entropy_backward);
}

}  // namespace ringtrain
