#include "models/batch_norm_kernels.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <limits>

#include "common/vector_clones.h"

namespace ringtrain::batch_norm_kernels {
namespace {

/// Few channels make short loops: several rows side by side are taken as one. What belongs to a channel is
/// then there several times.
struct Folded {
  explicit Folded(Rows rows) : channels(rows.channels), width(rows.channels), count(rows.count) {
    while (width < 64 && count % 2 == 0) {
      width *= 2;
      count /= 2;
    }
    block = std::max<std::int64_t>(1, 4096 / width);  // 16 KiB: it stays in the first-level cache
    blocks = (count + block - 1) / block;
  }
  std::vector<float> repeat(const std::vector<float>& values) const {
    std::vector<float> result;
    while (static_cast<std::int64_t>(result.size()) < width)
      result.insert(result.end(), values.begin(), values.end());
    return result;
  }
  std::int64_t rows_of(std::int64_t b) const { return std::min(block, count - b * block); }
  std::int64_t offset(std::int64_t b) const { return b * block * width; }
  std::int64_t channels, width, count, block, blocks;
};

template <class Body>
void each_block(const Folded& of, const Body& body) {
  at::parallel_for(0, of.blocks, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t b = first; b < last; ++b) body(b);
  });
}

RINGTRAIN_VECTOR_CLONES
void block_statistics(const float* __restrict x, std::int64_t rows, std::int64_t width,
                      float* __restrict mean, float* __restrict squares) {
  std::fill(mean, mean + width, 0.0F);
  std::fill(squares, squares + width, 0.0F);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < width; ++j) mean[j] += x[i * width + j];
  const float share = 1.0F / static_cast<float>(rows);
  for (std::int64_t j = 0; j < width; ++j) mean[j] *= share;
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < width; ++j) {
      const float distance = x[i * width + j] - mean[j];
      squares[j] += distance * distance;
    }
}

RINGTRAIN_VECTOR_CLONES
void block_transform(const float* __restrict x, const float* __restrict scale, const float* __restrict shift,
                     const float* __restrict add, float floor, float* __restrict y, std::int64_t rows,
                     std::int64_t width) {
  if (add == nullptr) {
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < width; ++j) {
        const float value = x[i * width + j] * scale[j] + shift[j];
        y[i * width + j] = value < floor ? floor : value;  // NaN stays
      }
    return;
  }
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < width; ++j) {
      const float value = x[i * width + j] * scale[j] + shift[j] + add[i * width + j];
      y[i * width + j] = value < floor ? floor : value;
    }
}

RINGTRAIN_VECTOR_CLONES
void block_cut(const float* __restrict gradient, const float* __restrict y, float* __restrict cut,
               std::int64_t numel) {
  for (std::int64_t i = 0; i < numel; ++i) {
    const float all = gradient[i];  // read in any case: a branch would not be vectorised
    cut[i] = y[i] <= 0 ? 0 : all;
  }
}

RINGTRAIN_VECTOR_CLONES
void block_sums(const float* __restrict gradient, const float* __restrict x, const float* __restrict mean,
                std::int64_t rows, std::int64_t width, float* __restrict sums, float* __restrict products) {
  std::fill(sums, sums + width, 0.0F);
  std::fill(products, products + width, 0.0F);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < width; ++j) {
      sums[j] += gradient[i * width + j];
      products[j] += gradient[i * width + j] * (x[i * width + j] - mean[j]);
    }
}

RINGTRAIN_VECTOR_CLONES
void block_input_gradient(const float* __restrict gradient, const float* __restrict y,
                          const float* __restrict x, const float* __restrict a, const float* __restrict b,
                          const float* __restrict c, const float* __restrict mean, float* __restrict of_x,
                          std::int64_t rows, std::int64_t width) {
  if (y == nullptr) {
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < width; ++j)
        of_x[i * width + j] = a[j] * gradient[i * width + j] + b[j] * (x[i * width + j] - mean[j]) + c[j];
    return;
  }
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < width; ++j) {
      const float all = gradient[i * width + j];
      const float passed = y[i * width + j] <= 0 ? 0 : all;
      of_x[i * width + j] = a[j] * passed + b[j] * (x[i * width + j] - mean[j]) + c[j];
    }
}

/// Two numbers a block and column: what the blocks found, in their order.
struct Found {
  explicit Found(const Folded& folded)
      : of(folded),
        first(static_cast<std::size_t>(of.blocks * of.width)),
        second(static_cast<std::size_t>(of.blocks * of.width)) {}
  float* first_of(std::int64_t b) { return first.data() + b * of.width; }
  float* second_of(std::int64_t b) { return second.data() + b * of.width; }
  /// body(block, channel, first, second)
  template <class Body>
  void each(const Body& body) const {
    for (std::int64_t b = 0; b < of.blocks; ++b)
      for (std::int64_t j = 0; j < of.width; ++j)
        body(b, static_cast<std::size_t>(j % of.channels), static_cast<double>(first[b * of.width + j]),
             static_cast<double>(second[b * of.width + j]));
  }
  const Folded& of;
  std::vector<float> first, second;
};

}  // namespace

Statistics statistics(const float* x, Rows rows) {
  const Folded of(rows);
  Found found(of);
  each_block(of, [&](std::int64_t b) {
    block_statistics(x + of.offset(b), of.rows_of(b), of.width, found.first_of(b), found.second_of(b));
  });
  const auto channels = static_cast<std::size_t>(rows.channels);
  Statistics result{std::vector<double>(channels), std::vector<double>(channels)};
  found.each([&](std::int64_t b, std::size_t channel, double mean, double) {
    result.mean[channel] += mean * static_cast<double>(of.rows_of(b));
  });
  for (auto& mean : result.mean) mean /= static_cast<double>(rows.count);
  found.each([&](std::int64_t b, std::size_t channel, double mean, double squares) {  // Chan et al. 1983
    const double distance = mean - result.mean[channel];
    result.squares[channel] += squares + static_cast<double>(of.rows_of(b)) * distance * distance;
  });
  return result;
}

void transform(const float* x, const std::vector<float>& scale, const std::vector<float>& shift,
               const float* add, bool relu, float* y, Rows rows) {
  const Folded of(rows);
  const auto scales = of.repeat(scale), shifts = of.repeat(shift);
  const float floor = relu ? 0 : -std::numeric_limits<float>::infinity();
  each_block(of, [&](std::int64_t b) {
    const auto at = of.offset(b);
    block_transform(x + at, scales.data(), shifts.data(), add == nullptr ? nullptr : add + at, floor, y + at,
                    of.rows_of(b), of.width);
  });
}

Sums gradient_sums(const float* gradient, const float* y, const float* x, const std::vector<float>& mean,
                   float* cut, Rows rows) {
  const Folded of(rows);
  Found found(of);
  const auto means = of.repeat(mean);
  each_block(of, [&](std::int64_t b) {
    const auto at = of.offset(b);
    const auto count = of.rows_of(b);
    const float* passed = gradient + at;
    if (y != nullptr) {
      static thread_local std::vector<float> scratch;
      scratch.resize(static_cast<std::size_t>(count * of.width));
      float* to = cut != nullptr ? cut + at : scratch.data();
      block_cut(passed, y + at, to, count * of.width);
      passed = to;
    } else if (cut != nullptr) {
      std::copy(passed, passed + count * of.width, cut + at);
    }
    block_sums(passed, x + at, means.data(), count, of.width, found.first_of(b), found.second_of(b));
  });
  const auto channels = static_cast<std::size_t>(rows.channels);
  Sums result{std::vector<double>(channels), std::vector<double>(channels)};
  found.each([&](std::int64_t, std::size_t channel, double sum, double product) {
    result.gradient[channel] += sum;
    result.product[channel] += product;
  });
  return result;
}

void input_gradient(const float* gradient, const float* y, const float* x, const Combination& by, float* of_x,
                    Rows rows) {
  const Folded of(rows);
  const auto as = of.repeat(by.a), bs = of.repeat(by.b), cs = of.repeat(by.c), means = of.repeat(by.mean);
  each_block(of, [&](std::int64_t block) {
    const auto at = of.offset(block);
    block_input_gradient(gradient + at, y == nullptr ? nullptr : y + at, x + at, as.data(), bs.data(),
                         cs.data(), means.data(), of_x + at, of.rows_of(block), of.width);
  });
}

}  // namespace ringtrain::batch_norm_kernels
