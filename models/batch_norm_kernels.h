#pragma once

#include <cstdint>
#include <vector>

namespace ringtrain {

/// The passes over memory of a batch norm in training, on the CPU, in float32, for images whose channels lie
/// side by side ("channels last"): a matrix of `rows` pixels by `channels`, without gaps. Memory is what such
/// a layer waits for, so what comes after it is done in the same pass. Blocks of rows are shared by ATen's
/// threads; results do not depend on their number.
namespace batch_norm_kernels {

struct Rows {
  std::int64_t count, channels;
};

/// Of each channel, over all rows.
struct Statistics {
  std::vector<double> mean, squares;  ///< squares: the sum of (x - mean)²
};
Statistics statistics(const float* x, Rows rows);

/// y = scale x + shift + add, then max(0, y) with `relu`. `add`: null, or as x.
void transform(const float* x, const std::vector<float>& scale, const std::vector<float>& shift,
               const float* add, bool relu, float* y, Rows rows);

/// Of each channel, over all rows.
struct Sums {
  std::vector<double> gradient, product;  ///< product: of the gradient and (x - mean)
};
/// Where `y` is not null, the gradient counts only where y > 0 (relu); where `cut` is not null, it is written
/// there.
Sums gradient_sums(const float* gradient, const float* y, const float* x, const std::vector<float>& mean,
                   float* cut, Rows rows);

/// of_x = a gradient + b (x - mean) + c; `y` as above.
struct Combination {
  std::vector<float> a, b, c, mean;
};
void input_gradient(const float* gradient, const float* y, const float* x, const Combination& by, float* of_x,
                    Rows rows);

}  // namespace batch_norm_kernels
}  // namespace ringtrain
