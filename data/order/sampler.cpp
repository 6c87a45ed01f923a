#include "data/order/sampler.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"

namespace ringtrain {

Sampler::Sampler(const Options& options)
    : Sampler(options,
              EpochOrder({.blocks = {options.samples}, .seed = options.seed, .shuffle = options.shuffle})) {}

Sampler::Sampler(const Options& options, EpochOrder order) : options_(options), order_(std::move(order)) {
  if (options.global_batch_size <= 0)
    throw ConfigError(fmt::format("trainer.global_batch_size: expected a positive number, got {}",
                                  options.global_batch_size));
}

std::int64_t Sampler::batches_per_epoch() const {
  return (order_.samples() + options_.global_batch_size - 1) / options_.global_batch_size;
}

Range Sampler::positions(std::int64_t batch) const {
  const std::int64_t begin = std::min(batch * options_.global_batch_size, order_.samples());
  return {begin, std::min(begin + options_.global_batch_size, order_.samples())};
}

std::vector<std::int64_t> Sampler::global_indices(std::int64_t epoch, std::int64_t batch) {
  const Range all = positions(batch);
  return order_.samples_at(epoch, all, {0, all.size()});
}

std::vector<std::int64_t> Sampler::blocks_soon(std::int64_t epoch, std::int64_t batch) {
  if (!order_.has_blocks()) return {};
  const Range all = positions(batch);
  return order_.blocks_soon(epoch, all, even_share(all.size(), options_.rank, options_.world_size));
}

std::vector<std::int64_t> Sampler::indices(std::int64_t epoch, std::int64_t batch) {
  const Range all = positions(batch);
  return order_.samples_at(epoch, all, even_share(all.size(), options_.rank, options_.world_size));
}

}  // namespace ringtrain
