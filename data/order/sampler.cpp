#include "data/order/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "common/errors.h"
#include "data/order/random.h"

// The permutation of an epoch, exactly (so that another program can make the same one; all numbers are
// unsigned 64-bit):
//
//   state = 0; for part in (seed, epoch): state = mix(state ^ part)            seed_of({seed, epoch}) of
//   common/hash.h next():     state += 0x9e3779b97f4a7c15; return finalise(state)            SplitMix64;
//   mix(x) = finalise(x + 0x9e37...) below(n):   p = next() * n, 128 bits wide
//               while low64(p) < 2^64 mod n: p = next() * n                    Lemire's multiply-high with
//               rejection return high64(p)
//   order = [0, 1, ..., samples - 1]
//   for i = samples - 1 down to 1: swap(order[i], order[below(i + 1)])         Fisher-Yates

namespace ringtrain {

Range even_share(std::int64_t count, int part, int parts) {
  const std::int64_t each = count / parts;
  const std::int64_t larger = count % parts;
  const std::int64_t begin = part * each + std::min<std::int64_t>(part, larger);
  return {begin, begin + each + (part < larger ? 1 : 0)};
}

Sampler::Sampler(const Options& options) : options_(options) {
  if (options.global_batch_size <= 0)
    throw ConfigError(fmt::format("trainer.global_batch_size: expected a positive number, got {}",
                                  options.global_batch_size));
}

std::int64_t Sampler::batches_per_epoch() const {
  return (options_.samples + options_.global_batch_size - 1) / options_.global_batch_size;
}

void Sampler::shuffle_for(std::int64_t epoch) {
  if (epoch_ == epoch || (!options_.shuffle && epoch_ >= 0)) return;
  order_.resize(static_cast<std::size_t>(options_.samples));
  std::iota(order_.begin(), order_.end(), std::int64_t{0});
  if (options_.shuffle) {
    SplitMix64 random(seed_of({options_.seed, static_cast<std::uint64_t>(epoch)}));
    for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random.below(i)]);
  }
  epoch_ = epoch;
}

std::vector<std::int64_t> Sampler::global_indices(std::int64_t epoch, std::int64_t batch) {
  shuffle_for(epoch);
  const std::int64_t begin = std::min(batch * options_.global_batch_size, options_.samples);
  const std::int64_t end = std::min(begin + options_.global_batch_size, options_.samples);
  return {order_.begin() + begin, order_.begin() + end};
}

std::vector<std::int64_t> Sampler::indices(std::int64_t epoch, std::int64_t batch) {
  shuffle_for(epoch);
  const std::int64_t first = std::min(batch * options_.global_batch_size, options_.samples);
  const std::int64_t count = std::min(options_.global_batch_size, options_.samples - first);
  const auto [begin, end] = even_share(count, options_.rank, options_.world_size);
  return {order_.begin() + first + begin, order_.begin() + first + end};
}

}  // namespace ringtrain
