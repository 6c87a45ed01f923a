#pragma once

// A GPU's language on the CPU: what the kernels' texts (kernels/*.cu) ask for, so that they can be
// included and run where there is no GPU. The threads of a block are threads; blocks run one after another.

#include <c10/util/Half.h>

#include <barrier>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace emulated {

struct Index {
  unsigned x = 0;
};
inline thread_local Index threadIdx, blockIdx, blockDim, gridDim;
inline std::unique_ptr<std::barrier<>> block_barrier;
/// Of each warp.
inline std::vector<std::unique_ptr<std::barrier<>>> warp_barriers;
inline std::vector<double> exchanged;

inline void __syncthreads() { block_barrier->arrive_and_wait(); }

template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  auto& barrier = *warp_barriers[threadIdx.x / 32];
  exchanged[threadIdx.x] = value;
  barrier.arrive_and_wait();
  const T other = static_cast<T>(exchanged[threadIdx.x ^ static_cast<unsigned>(mask)]);
  barrier.arrive_and_wait();
  return other;
}

inline float __uint_as_float(unsigned bits) { return std::bit_cast<float>(bits); }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline double __longlong_as_double(long long bits) { return std::bit_cast<double>(bits); }
inline float float_of_half(unsigned short bits) { return c10::Half(bits, c10::Half::from_bits()); }
inline unsigned short half_of_float(float x) { return c10::Half(x).x; }
using std::exp;
using std::log;
using std::sqrt;
inline float sqrtf(float x) { return std::sqrt(x); }

/// Runs a kernel; each thread calls `body`.
inline void launch(unsigned blocks, unsigned threads, const std::function<void()>& body) {
  block_barrier = std::make_unique<std::barrier<>>(threads);
  warp_barriers.clear();
  for (unsigned first = 0; first < threads; first += 32)
    warp_barriers.push_back(std::make_unique<std::barrier<>>(std::min(32U, threads - first)));
  exchanged.assign(threads, 0);
  std::vector<std::jthread> all;
  for (unsigned thread = 0; thread < threads; ++thread)
    all.emplace_back([=, &body] {
      threadIdx.x = thread;
      blockDim.x = threads;
      gridDim.x = blocks;
      for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x) {
        body();
        __syncthreads();  // shared memory is the next block's
      }
    });
}

}  // namespace emulated

#define KERNEL inline void
#define __device__
#define __shared__ static
