#include "models/matrix_product.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/native/CPUBlas.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace ringtrain::matrix_product {
namespace {

// Measured: a block of columns fills four registers of 16 floats; a panel of it stays in the second-level
// cache.
constexpr std::int64_t kWidth = 64, kDepth = 512, kHeight = 128;

struct Matrix {
  explicit Matrix(const at::Tensor& tensor)
      : data(tensor.const_data_ptr<float>()),
        stride(tensor.stride(0)),
        rows(tensor.size(0)),
        columns(tensor.size(1)) {}
  const float* at(std::int64_t row, std::int64_t column) const { return data + row * stride + column; }
  const float* data;
  std::int64_t stride, rows, columns;
};

struct Result : Matrix {
  explicit Result(const at::Tensor& tensor) : Matrix(tensor), data(tensor.mutable_data_ptr<float>()) {}
  float* at(std::int64_t row, std::int64_t column) const { return data + row * stride + column; }
  float* data;
};

/// body(begin, size) for each block of `block` of 0..count.
template <class Body>
void each_block(std::int64_t count, std::int64_t block, Body body) {
  for (std::int64_t begin = 0; begin < count; begin += block) body(begin, std::min(block, count - begin));
}

/// The same, shared by ATen's threads.
template <class Body>
void share_blocks(std::int64_t count, std::int64_t block, Body body) {
  at::parallel_for(0, (count + block - 1) / block, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) body(i * block, std::min(block, count - i * block));
  });
}

using Four = float __attribute__((vector_size(16)));

Four load(const float* from) {
  Four four;
  std::memcpy(&four, from, sizeof four);
  return four;
}

void store(float* to, Four four) { std::memcpy(to, &four, sizeof four); }

void transpose_4x4(const float* from, std::int64_t from_stride, float* to, std::int64_t to_stride) {
  const Four a = load(from), b = load(from + from_stride), c = load(from + 2 * from_stride),
             d = load(from + 3 * from_stride);
  const Four ac_low = __builtin_shufflevector(a, c, 0, 4, 1, 5),
             ac_high = __builtin_shufflevector(a, c, 2, 6, 3, 7);
  const Four bd_low = __builtin_shufflevector(b, d, 0, 4, 1, 5),
             bd_high = __builtin_shufflevector(b, d, 2, 6, 3, 7);
  store(to, __builtin_shufflevector(ac_low, bd_low, 0, 4, 1, 5));
  store(to + to_stride, __builtin_shufflevector(ac_low, bd_low, 2, 6, 3, 7));
  store(to + 2 * to_stride, __builtin_shufflevector(ac_high, bd_high, 0, 4, 1, 5));
  store(to + 3 * to_stride, __builtin_shufflevector(ac_high, bd_high, 2, 6, 3, 7));
}

/// `from`: rows x columns, to: columns x rows.
void transpose(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns,
               float* to, std::int64_t to_stride) {
  const std::int64_t even_rows = rows / 4 * 4, even_columns = columns / 4 * 4;
  // Blocks of 16 columns: a cache line of each row is read once.
  each_block(even_columns, 16, [&](std::int64_t begin, std::int64_t size) {
    for (std::int64_t i = 0; i < even_rows; i += 4)
      for (std::int64_t j = begin; j < begin + size; j += 4)
        transpose_4x4(from + i * from_stride + j, from_stride, to + j * to_stride + i, to_stride);
  });
  for (std::int64_t j = 0; j < columns; ++j)
    for (std::int64_t i = j < even_columns ? even_rows : 0; i < rows; ++i)
      to[j * to_stride + i] = from[i * from_stride + j];
}

/// Of this thread; what was there is lost.
float* scratch(std::int64_t numel) {
  static thread_local std::vector<float> memory;
  if (static_cast<std::int64_t>(memory.size()) < numel) memory.resize(static_cast<std::size_t>(numel));
  return memory.data();
}

/// Adds the bias, cuts off.
void finish_block(float* values, std::int64_t stride, std::int64_t rows, std::int64_t columns,
                  const float* bias, bool relu) {
  for (std::int64_t row = 0; row < rows; ++row, values += stride) {
    if (bias != nullptr)
      for (std::int64_t j = 0; j < columns; ++j) values[j] += bias[j];
    if (relu)
      for (std::int64_t j = 0; j < columns; ++j) values[j] = values[j] < 0 ? 0 : values[j];  // NaN stays
  }
}

}  // namespace

bool faster_here() {
#ifdef __x86_64__
  static const bool amd = __builtin_cpu_is("amd") && __builtin_cpu_supports("avx512f");
  return amd && at::globalContext().userEnabledMkldnn();
#else
  return false;
#endif
}

void forward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, bool relu,
             const at::Tensor& y) {
  using at::native::cpublas::brgemm;
  const Matrix a(x), b(weight);
  const Result c(y);
  const float* offsets = bias.defined() ? bias.const_data_ptr<float>() : nullptr;
  share_blocks(c.columns, kWidth, [&](std::int64_t column, std::int64_t width) {
    each_block(a.columns, kDepth, [&](std::int64_t k, std::int64_t depth) {
      float* panel = scratch(depth * width);
      transpose(b.at(column, k), b.stride, width, depth, panel, width);
      each_block(a.rows, kHeight, [&](std::int64_t row, std::int64_t height) {
        float* values = c.at(row, column);
        brgemm(height, width, depth, a.stride, width, c.stride, k > 0, a.at(row, k), panel, values);
        if (k + depth == a.columns)
          finish_block(values, c.stride, height, width, offsets == nullptr ? nullptr : offsets + column,
                       relu);
      });
    });
  });
}

void input_gradient(const at::Tensor& outer, const at::Tensor& weight, const at::Tensor& into) {
  using at::native::cpublas::brgemm;
  const Matrix a(outer), b(weight);
  const Result c(into);
  share_blocks(c.columns, kWidth, [&](std::int64_t column, std::int64_t width) {
    each_block(a.columns, kDepth, [&](std::int64_t k, std::int64_t depth) {
      each_block(a.rows, kHeight, [&](std::int64_t row, std::int64_t height) {
        brgemm(height, width, depth, a.stride, b.stride, c.stride, k > 0, a.at(row, k), b.at(k, column),
               c.at(row, column));
      });
    });
  });
}

void add_weight_gradient(const at::Tensor& outer, const at::Tensor& x, const at::Tensor& into) {
  using at::native::cpublas::brgemm;
  const Matrix a(outer), b(x);
  const Result c(into);
  share_blocks(c.rows, kHeight, [&](std::int64_t row, std::int64_t height) {
    each_block(a.rows, kDepth, [&](std::int64_t k, std::int64_t depth) {
      const std::int64_t stride = depth + 16;  // not a power of two: rows would share places in the cache
      float* panel = scratch(stride * height);
      transpose(a.at(k, row), a.stride, depth, height, panel, stride);
      each_block(c.columns, kWidth, [&](std::int64_t column, std::int64_t width) {
        brgemm(height, width, depth, stride, b.stride, c.stride, /*add_C=*/true, panel, b.at(k, column),
               c.at(row, column));
      });
    });
  });
}

void add_bias_gradient(const at::Tensor& outer, const at::Tensor& into) {
  const Matrix a(outer);
  float* sums = into.mutable_data_ptr<float>();
  // Sums of sums: with one running sum rounding would grow with the number of rows.
  each_block(a.columns, kWidth, [&](std::int64_t column, std::int64_t width) {
    each_block(a.rows, 32, [&](std::int64_t row, std::int64_t height) {
      std::array<float, kWidth> block{};
      for (std::int64_t i = row; i < row + height; ++i)
        for (std::int64_t j = 0; j < width; ++j) block[j] += *a.at(i, column + j);
      for (std::int64_t j = 0; j < width; ++j) sums[column + j] += block[j];
    });
  });
}

}  // namespace ringtrain::matrix_product
