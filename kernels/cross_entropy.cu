// Cross entropy of rows of logits, and its gradient, each in one pass over memory. A block works on a row. Behind numbers.cu.

// Threads of a block, at most; always a power of two.
constexpr int kMostThreads = 1024;

// Σ exp(x) of some numbers, kept as their largest one and Σ exp(x - largest).
struct Exponentials {
  Wide most, sum;
};

__device__ inline Exponentials joined(const Exponentials& a, const Exponentials& b) {
  if (b.most == -infinity()) return {a.most, a.sum + b.sum};  // b.sum is 0, or no number
  if (a.most == -infinity()) return {b.most, a.sum + b.sum};
  const Wide most = a.most > b.most ? a.most : b.most;
  return {most, a.sum * exp(a.most - most) + b.sum * exp(b.most - most)};
}

__device__ inline void take(Exponentials& all, const Number* numbers, int count) {
  Wide most = all.most;
  for (int i = 0; i < count; ++i) {
    const Wide x = widened(numbers[i]);
    if (x > most) most = x;
  }
  if (most == -infinity()) {  // nothing above it: what is there adds 0, or is no number
    for (int i = 0; i < count; ++i) all.sum += widened(numbers[i]) == -infinity() ? Wide(0) : widened(numbers[i]);
    return;
  }
  if (most > all.most) all.sum *= exp(all.most - most);
  all.most = most;
  for (int i = 0; i < count; ++i) all.sum += exp(widened(numbers[i]) - most);
}

// losses[row] = ln Σ exp(x) - x[target], wholes[row] = ln Σ exp(x). A target outside of the classes gives no number.
// `logits`: rows of `classes` numbers, `stride` apart.
KERNEL cross_entropy(const Number* logits, long long stride, const long long* targets, int classes, Wide* losses,
                     Wide* wholes) {
  const Number* row = logits + blockIdx.x * stride;
  Exponentials mine{-infinity(), 0};
  const int packs = aligned(row) ? classes / kPack : 0;
  for (int i = threadIdx.x; i < packs; i += blockDim.x) {
    const Pack pack = reinterpret_cast<const Pack*>(row)[i];
    take(mine, pack.at, kPack);
  }
  for (int i = packs * kPack + threadIdx.x; i < classes; i += blockDim.x) take(mine, row + i, 1);

  __shared__ Exponentials all[kMostThreads];
  all[threadIdx.x] = mine;
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) all[threadIdx.x] = joined(all[threadIdx.x], all[threadIdx.x + half]);
    __syncthreads();
  }
  if (threadIdx.x == 0) {
    const Wide whole = all[0].most + log(all[0].sum);
    const long long target = targets[blockIdx.x];
    const bool known = target >= 0 && target < classes;
    wholes[blockIdx.x] = whole;
    losses[blockIdx.x] = known ? whole - widened(row[target]) : infinity() - infinity();
  }
}

// gradient = (exp(x - whole) - [the target]) * factor, and 0 from `classes` to `width`. `gradient`: rows `width` apart.
KERNEL cross_entropy_gradient(const Number* logits, long long stride, const long long* targets, int classes,
                              const Wide* wholes, const double* factor, Number* gradient, int width) {
  const Number* row = logits + blockIdx.x * stride;
  Number* to = gradient + blockIdx.x * static_cast<long long>(width);
  const Wide whole = wholes[blockIdx.x], times = static_cast<Wide>(*factor);
  const long long target = targets[blockIdx.x];
  const bool together = aligned(row) && aligned(to);
  const int packs = together ? width / kPack : 0, whole_packs = together ? classes / kPack : 0;
  for (int i = threadIdx.x; i < packs; i += blockDim.x) {
    Pack pack;
    if (i < whole_packs) {
      pack = reinterpret_cast<const Pack*>(row)[i];
    } else {
      for (int k = 0; k < kPack; ++k) pack.at[k] = i * kPack + k < classes ? row[i * kPack + k] : rounded(-infinity());
    }
    for (int k = 0; k < kPack; ++k) {
      const Wide chance = exp(widened(pack.at[k]) - whole);
      const bool beyond = i * kPack + k >= classes;
      pack.at[k] = rounded(beyond ? Wide(0) : (chance - (i * kPack + k == target ? 1 : 0)) * times);
    }
    reinterpret_cast<Pack*>(to)[i] = pack;
  }
  for (int i = packs * kPack + threadIdx.x; i < width; i += blockDim.x) {
    const bool beyond = i >= classes;
    to[i] = rounded(beyond ? Wide(0) : (exp(widened(row[i]) - whole) - (i == target ? 1 : 0)) * times);
  }
}
