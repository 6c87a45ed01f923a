// ringtrain::cross_entropy (trainer/tasks/chunked_loss.h) on GPUs: one pass over the logits, and one for the
// gradient.
#include <ATen/ATen.h>
#include <torch/library.h>

#include <algorithm>
#include <tuple>

#include "kernel_texts.h"
#include "kernels/program.h"

namespace ringtrain::kernels {
namespace {

const Program& program() {
  static const Program one("cross_entropy", cross_entropy_text);
  return one;
}

/// A power of two: what a row has work for.
unsigned threads_for(std::int64_t columns) {
  unsigned threads = 32;
  while (threads < 512 && threads * 8 < columns) threads *= 2;
  return threads;
}

at::ScalarType wide(at::ScalarType type) { return type == at::kDouble ? at::kDouble : at::kFloat; }

/// Of rows one after another, whatever their width.
void require_rows(const at::Tensor& logits, const at::Tensor& targets) {
  TORCH_CHECK(logits.dim() == 2 && (logits.size(1) <= 1 || logits.stride(1) == 1), "logits must be rows");
  TORCH_CHECK(targets.is_contiguous() && targets.scalar_type() == at::kLong, "targets must be int64");
}

std::tuple<at::Tensor, at::Tensor> cross_entropy(const at::Tensor& logits, const at::Tensor& targets,
                                                 std::int64_t classes, std::int64_t) {
  require_rows(logits, targets);
  const auto options = logits.options().dtype(wide(logits.scalar_type()));
  at::Tensor losses = at::empty({logits.size(0)}, options), wholes = at::empty_like(losses);
  const void* from = logits.const_data_ptr();
  long long stride = logits.stride(0);
  const void* wanted = targets.const_data_ptr();
  int count = static_cast<int>(classes);
  void *loss = losses.mutable_data_ptr(), *whole = wholes.mutable_data_ptr();
  program().launch("cross_entropy", logits.device(), logits.scalar_type(),
                   static_cast<unsigned>(logits.size(0)), threads_for(classes),
                   {&from, &stride, &wanted, &count, &loss, &whole});
  return {losses.sum(at::kDouble), wholes};
}

at::Tensor cross_entropy_backward(const at::Tensor& logits, const at::Tensor& targets, std::int64_t classes,
                                  std::int64_t, const at::Tensor& wholes, const at::Tensor& factor) {
  require_rows(logits, targets);
  at::Tensor gradient = at::empty(logits.sizes(), logits.options());
  const at::Tensor scale = factor.to(at::kDouble);
  const void *from = logits.const_data_ptr(), *wanted = targets.const_data_ptr(),
             *whole = wholes.const_data_ptr(), *times = scale.const_data_ptr();
  long long stride = logits.stride(0);
  int count = static_cast<int>(classes), width = static_cast<int>(logits.size(1));
  void* to = gradient.mutable_data_ptr();
  program().launch("cross_entropy_gradient", logits.device(), logits.scalar_type(),
                   static_cast<unsigned>(logits.size(0)), threads_for(width),
                   {&from, &stride, &wanted, &count, &whole, &times, &to, &width});
  return gradient;
}

}  // namespace

TORCH_LIBRARY_IMPL(ringtrain, CUDA, m) {
  m.impl("cross_entropy", cross_entropy);
  m.impl("cross_entropy_backward", cross_entropy_backward);
}

}  // namespace ringtrain::kernels
