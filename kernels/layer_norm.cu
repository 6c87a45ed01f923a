// Layer normalisation of what a residual stream holds after a branch was added, and its gradient, each in one pass over memory. A
// warp works on a row of WIDTH numbers, a multiple of 8, and keeps it in registers. Behind numbers.cu, with 16 bit numbers.
constexpr int kPacks = WIDTH / 8;                  // of a row
constexpr int kTurns = (kPacks + 31) / 32;         // of a warp, to take a row
constexpr int kWarps = 8;                          // of a block

struct alignas(16) Quad {
  float at[4];
};

__device__ inline float over_warp(float x) {
  for (int mask = 16; mask > 0; mask /= 2) x += __shfl_xor_sync(0xffffffffu, x, mask);
  return x;
}

__device__ inline void read8(const float* from, float* to) {
  for (int half = 0; half < 2; ++half) {
    const Quad quad = reinterpret_cast<const Quad*>(from)[half];
    for (int k = 0; k < 4; ++k) to[4 * half + k] = quad.at[k];
  }
}
__device__ inline void write8(const float* from, float* to) {
  for (int half = 0; half < 2; ++half) {
    Quad quad;
    for (int k = 0; k < 4; ++k) quad.at[k] = from[4 * half + k];
    reinterpret_cast<Quad*>(to)[half] = quad;
  }
}
__device__ inline void read8(const Number* from, float* to) {
  const Pack pack = *reinterpret_cast<const Pack*>(from);
  for (int k = 0; k < 8; ++k) to[k] = widened(pack.at[k]);
}
__device__ inline void write8(const float* from, Number* to) {
  Pack pack;
  for (int k = 0; k < 8; ++k) pack.at[k] = rounded(from[k]);
  *reinterpret_cast<Pack*>(to) = pack;
}

// sum = x + branch (of no branch, nothing is written), normed = (sum - mean) * rstd * weight + bias. kWarps rows a block.
KERNEL layer_norm(const float* x, const Number* branch, const float* weight, const float* bias, float epsilon, int rows, float* sum,
                  Number* normed, float* means, float* rstds) {
  const int lane = threadIdx.x % 32, row = blockIdx.x * kWarps + threadIdx.x / 32;
  if (row >= rows) return;
  const long long begin = static_cast<long long>(row) * WIDTH;
  float values[kTurns * 8];
  float mean = 0;
  for (int turn = 0; turn < kTurns; ++turn) {
    const int pack = turn * 32 + lane;
    float* mine = values + 8 * turn;
    if (pack >= kPacks) {
      for (int k = 0; k < 8; ++k) mine[k] = 0;
      continue;
    }
    read8(x + begin + 8 * pack, mine);
    if (branch) {
      float more[8];
      read8(branch + begin + 8 * pack, more);
      for (int k = 0; k < 8; ++k) mine[k] += more[k];
      write8(mine, sum + begin + 8 * pack);
    }
    for (int k = 0; k < 8; ++k) mean += mine[k];
  }
  mean = over_warp(mean) / WIDTH;
  float variance = 0;
  for (int turn = 0; turn < kTurns; ++turn)
    if (turn * 32 + lane < kPacks)
      for (int k = 0; k < 8; ++k) {
        const float off = values[8 * turn + k] - mean;
        variance += off * off;
      }
  const float rstd = 1.0f / sqrtf(over_warp(variance) / WIDTH + epsilon);
  for (int turn = 0; turn < kTurns; ++turn) {
    const int pack = turn * 32 + lane;
    if (pack >= kPacks) continue;
    float times[8], plus[8];
    read8(weight + 8 * pack, times);
    read8(bias + 8 * pack, plus);
    for (int k = 0; k < 8; ++k) times[k] = (values[8 * turn + k] - mean) * rstd * times[k] + plus[k];
    write8(times, normed + begin + 8 * pack);
  }
  if (lane == 0) {
    means[row] = mean;
    rstds[row] = rstd;
  }
}

// to_x = of_sum + what the normalisation passes on (of_sum may be null), to_branch the same in 16 bits (may be null);
// partial: [blocks, 2, WIDTH], each block's share of the gradients of weight and bias.
KERNEL layer_norm_gradient(const Number* of_normed, const float* of_sum, const float* sum, const float* weight, const float* means,
                           const float* rstds, int rows, float* to_x, Number* to_branch, float* partial) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  float of_weight[kTurns * 8], of_bias[kTurns * 8];
  for (int i = 0; i < kTurns * 8; ++i) of_weight[i] = of_bias[i] = 0;
  for (int row = blockIdx.x * kWarps + warp; row < rows; row += gridDim.x * kWarps) {
    const long long begin = static_cast<long long>(row) * WIDTH;
    const float mean = means[row], rstd = rstds[row];
    float passed[kTurns * 8], standard[kTurns * 8];  // the gradient of the standardised numbers, and those
    float along = 0, both = 0;
    for (int turn = 0; turn < kTurns; ++turn) {
      const int pack = turn * 32 + lane;
      if (pack >= kPacks) continue;
      float *gradient = passed + 8 * turn, *number = standard + 8 * turn, times[8];
      read8(of_normed + begin + 8 * pack, gradient);
      read8(sum + begin + 8 * pack, number);
      read8(weight + 8 * pack, times);
      for (int k = 0; k < 8; ++k) {
        number[k] = (number[k] - mean) * rstd;
        of_weight[8 * turn + k] += gradient[k] * number[k];
        of_bias[8 * turn + k] += gradient[k];
        gradient[k] *= times[k];
        along += gradient[k];
        both += gradient[k] * number[k];
      }
    }
    along = over_warp(along) / WIDTH;
    both = over_warp(both) / WIDTH;
    for (int turn = 0; turn < kTurns; ++turn) {
      const int pack = turn * 32 + lane;
      if (pack >= kPacks) continue;
      float *gradient = passed + 8 * turn, *number = standard + 8 * turn, more[8];
      for (int k = 0; k < 8; ++k) more[k] = 0;
      if (of_sum) read8(of_sum + begin + 8 * pack, more);
      for (int k = 0; k < 8; ++k) more[k] += rstd * (gradient[k] - along - number[k] * both);
      write8(more, to_x + begin + 8 * pack);
      if (to_branch) write8(more, to_branch + begin + 8 * pack);
    }
  }
  // The warps of a block, one after another.
  __shared__ float shares[2][WIDTH];
  for (int turn_of = 0; turn_of < kWarps; ++turn_of) {
    if (warp == turn_of)
      for (int turn = 0; turn < kTurns; ++turn) {
        const int pack = turn * 32 + lane;
        if (pack >= kPacks) continue;
        for (int k = 0; k < 8; ++k) {
          float &first = shares[0][8 * pack + k], &second = shares[1][8 * pack + k];
          first = (warp == 0 ? 0 : first) + of_weight[8 * turn + k];
          second = (warp == 0 ? 0 : second) + of_bias[8 * turn + k];
        }
      }
    __syncthreads();
  }
  float* mine = partial + static_cast<long long>(blockIdx.x) * 2 * WIDTH;
  for (int i = threadIdx.x; i < 2 * WIDTH; i += blockDim.x) mine[i] = shares[i / WIDTH][i % WIDTH];
}
