// ringtrain::residual_norm (models/residual_norm.h) on GPUs: one pass over the rows, and one for the
// gradients.
#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/library.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>

#include "kernel_texts.h"
#include "kernels/program.h"

namespace ringtrain::kernels {
namespace {

constexpr unsigned kWarps = 8, kThreads = 32 * kWarps;  // of a block
/// Of the gradient: they hold the sums over rows in registers. Fixed, so that every GPU adds in one order.
constexpr std::int64_t kBlocks = 256;

/// Compiled for each width.
const Program& program_of(std::int64_t width) {
  static std::mutex mutex;
  static std::map<std::int64_t, std::unique_ptr<Program>> programs;
  const std::lock_guard lock(mutex);
  auto& program = programs[width];
  if (!program)
    program = std::make_unique<Program>(fmt::format("layer_norm_{}", width),
                                        fmt::format("#define WIDTH {}\n{}", width, layer_norm_text));
  return *program;
}

/// As the kernels read it: rows without gaps, which begin at a multiple of 16 bytes.
at::Tensor rows_of(const at::Tensor& tensor) {
  at::Tensor rows = tensor.contiguous();
  return reinterpret_cast<std::uintptr_t>(rows.const_data_ptr()) % 16 == 0 ? rows : rows.clone();
}

const void* place(const std::optional<at::Tensor>& tensor) {
  return tensor && tensor->defined() ? tensor->const_data_ptr() : nullptr;
}

using Normed = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor>;

Normed residual_norm(const at::Tensor& x, const std::optional<at::Tensor>& branch, const at::Tensor& weight,
                     const at::Tensor& bias, double epsilon, at::ScalarType type) {
  const at::Tensor from = rows_of(x), times = rows_of(weight), plus = rows_of(bias);
  const auto more = branch && branch->defined() ? std::optional(rows_of(*branch)) : std::nullopt;
  const std::int64_t width = x.size(-1);
  int rows = static_cast<int>(x.numel() / width);
  at::Tensor sum = more ? at::empty_like(from) : from;
  at::Tensor normed = at::empty(from.sizes(), from.options().dtype(type));
  at::Tensor means = at::empty({rows}, from.options()), rstds = at::empty_like(means);
  const void *first = from.const_data_ptr(), *second = place(more), *third = times.const_data_ptr(),
             *fourth = plus.const_data_ptr();
  auto small = static_cast<float>(epsilon);
  void *to_sum = sum.mutable_data_ptr(), *to_normed = normed.mutable_data_ptr(),
       *to_means = means.mutable_data_ptr(), *to_rstds = rstds.mutable_data_ptr();
  program_of(width).launch(
      "layer_norm", x.device(), type, (static_cast<unsigned>(rows) + kWarps - 1) / kWarps, kThreads,
      {&first, &second, &third, &fourth, &small, &rows, &to_sum, &to_normed, &to_means, &to_rstds});
  return {more ? sum : at::Tensor(), normed, means, rstds};
}

Normed residual_norm_backward(const at::Tensor& of_normed, const std::optional<at::Tensor>& of_sum,
                              const at::Tensor& sum, const at::Tensor& weight, const at::Tensor& means,
                              const at::Tensor& rstds, bool branch) {
  const at::Tensor gradient = rows_of(of_normed), from = rows_of(sum), times = rows_of(weight);
  const auto more = of_sum && of_sum->defined() ? std::optional(rows_of(*of_sum)) : std::nullopt;
  const std::int64_t width = sum.size(-1);
  int rows = static_cast<int>(sum.numel() / width);
  at::Tensor to_x = at::empty_like(from);
  at::Tensor to_branch = branch ? at::empty_like(gradient) : at::Tensor();
  at::Tensor partial = at::empty({kBlocks, 2, width}, from.options());
  const void *first = gradient.const_data_ptr(), *second = place(more), *third = from.const_data_ptr(),
             *fourth = times.const_data_ptr(), *fifth = means.const_data_ptr(),
             *sixth = rstds.const_data_ptr();
  void *x = to_x.mutable_data_ptr(), *b = branch ? to_branch.mutable_data_ptr() : nullptr,
       *shares = partial.mutable_data_ptr();
  program_of(width).launch("layer_norm_gradient", sum.device(), gradient.scalar_type(),
                           static_cast<unsigned>(kBlocks), kThreads,
                           {&first, &second, &third, &fourth, &fifth, &sixth, &rows, &x, &b, &shares});
  const at::Tensor both = partial.sum(0);
  return {to_x, to_branch, both.select(0, 0), both.select(0, 1)};
}

}  // namespace

TORCH_LIBRARY_IMPL(ringtrain, CUDA, m) {
  m.impl("residual_norm", residual_norm);
  m.impl("residual_norm_backward", residual_norm_backward);
}

}  // namespace ringtrain::kernels
