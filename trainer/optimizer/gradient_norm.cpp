#include "trainer/optimizer/gradient_norm.h"

#include <ATen/ATen.h>

#include <array>
#include <cmath>

namespace ringtrain {
namespace {

/// linalg_vector_norm with dtype float64 first makes a float64 copy of a float32 tensor: 60 times the time
/// and three times the memory. Several sums, so that additions need not wait for each other.
double squares_of(const float* numbers, std::int64_t count) {
  constexpr std::size_t kSums = 8;
  std::array<double, kSums> sums{};
  std::int64_t i = 0;
  for (; i + static_cast<std::int64_t>(kSums) <= count; i += kSums)
    for (std::size_t s = 0; s < kSums; ++s) {
      const double number = numbers[i + static_cast<std::int64_t>(s)];
      sums[s] += number * number;
    }
  for (; i < count; ++i) sums[0] += static_cast<double>(numbers[i]) * numbers[i];
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

/// Float64 makes a copy of float32 first, a gigabyte of a large model: where that costs, rows in float32.
at::Tensor squares_on_device(const at::Tensor& gradients) {
  if (gradients.is_cuda() && gradients.scalar_type() == at::kFloat) return squares_by_rows(gradients);
  return at::linalg_vector_norm(gradients, 2, {}, false, at::kDouble).square();
}

double squares_of(const at::Tensor& gradients) {
  if (gradients.numel() == 0) return 0;
  if (gradients.is_cpu() && gradients.scalar_type() == at::kFloat)
    return squares_of(gradients.const_data_ptr<float>(), gradients.numel());
  return squares_on_device(gradients).item<double>();
}

}  // namespace

at::Tensor squares_by_rows(const at::Tensor& gradients) {
  constexpr std::int64_t kRow = 4096;
  const std::int64_t rows = gradients.numel() / kRow, rest = gradients.numel() - rows * kRow;
  auto sum =
      at::linalg_vector_norm(gradients.narrow(0, rows * kRow, rest), 2, {}, false, at::kDouble).square();
  if (rows > 0)
    sum += at::linalg_vector_norm(gradients.narrow(0, 0, rows * kRow).view({rows, kRow}), 2, {1})
               .to(at::kDouble)
               .square()
               .sum();
  return sum;
}

double sum_of_squares(const std::vector<at::Tensor>& gradients) {
  double sum = 0;
  for (const auto& tensor : gradients) sum += squares_of(tensor);
  return sum;
}

at::Tensor sum_of_squares_on_device(const std::vector<at::Tensor>& gradients) {
  at::Tensor sum = at::zeros(
      {}, gradients.empty() ? at::TensorOptions(at::kDouble) : gradients[0].options().dtype(at::kDouble));
  for (const auto& tensor : gradients)
    if (tensor.numel() > 0) sum += squares_on_device(tensor);
  return sum;
}

double gradient_norm(const FlatParameters& parameters) {
  double sum = 0;
  for (const auto& group : parameters.groups()) sum += squares_of(group.gradients);
  return std::sqrt(sum);
}

}  // namespace ringtrain
