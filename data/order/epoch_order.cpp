#include "data/order/epoch_order.h"

#include <fmt/format.h>

#include <limits>
#include <numeric>
#include <utility>

#include "common/errors.h"
#include "common/hash.h"
#include "data/order/random.h"

// The permutations, exactly (all numbers are unsigned 64-bit):
//
//   seed_of(parts):  state = 0; for each part: state = mix(state ^ part)               common/hash.h
//   next():          state += 0x9e3779b97f4a7c15; return finalise(state)               SplitMix64;
//                                                                        mix(x) = finalise(x + 0x9e37...)
//   below(n):        p = next() * n, 128 bits wide                                     Lemire's multiply-high
//                    while low64(p) < 2^64 mod n: p = next() * n                       with rejection
//                    return high64(p)
//   permute(list):   for i = size - 1 down to 1: swap(list[i], list[below(i + 1)])     Fisher-Yates
//
//   blocks:                permute([0, 1, ...]) from the state seed_of({seed, epoch, 0})
//   window w of lane l:    permute([0, 1, ...]) from the state seed_of({seed, epoch, 1 + l, w}); window 0 of
//                          lane 0 from seed_of({seed, epoch})

namespace ringtrain {
namespace {

template <class Number>
void permute(std::vector<Number>& list, std::uint64_t seed) {
  SplitMix64 random(seed);
  for (std::size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[random.below(i)]);
}

/// Where each of the things begins that are laid end to end, and where the last one ends.
std::vector<std::int64_t> starts_of(const std::vector<std::int64_t>& sizes) {
  std::vector<std::int64_t> starts(sizes.size() + 1, 0);
  std::partial_sum(sizes.begin(), sizes.end(), starts.begin() + 1);
  return starts;
}

}  // namespace

EpochOrder::EpochOrder(Options options) : options_(std::move(options)), starts_(starts_of(options_.blocks)) {
  if (options_.lanes < 1 || options_.window < 0)
    throw ConfigError(
        fmt::format("an order of {} lanes and windows of {} samples: expected 1 lane or more, "
                    "and windows of 1 sample or more, or 0 for whole lanes",
                    options_.lanes, options_.window));
  if (!options_.shuffle && options_.lanes != 1)
    throw ConfigError(fmt::format("{} lanes of samples that are not shuffled: expected 1", options_.lanes));
  if (!options_.weights.empty()) {
    if (has_blocks() || static_cast<std::int64_t>(options_.weights.size()) != samples())
      throw ConfigError(
          fmt::format("{} weights of {} samples in {} blocks: expected one a sample, in one block",
                      options_.weights.size(), samples(), options_.blocks.size()));
    appearances_.emplace(options_.weights, options_.seed);
    options_.weights.clear();
  }
  constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  const std::int64_t lane = (samples() + options_.lanes - 1) / options_.lanes;
  if (options_.shuffle && (options_.window == 0 || options_.window > most) && lane > most)
    throw ConfigError(fmt::format("a window of {} samples is too large; expected at most {}", lane, most));
}

void EpochOrder::start(std::int64_t epoch) {
  if (epoch_ == epoch) return;
  const auto number = static_cast<std::uint64_t>(epoch);
  blocks_.resize(options_.blocks.size());
  std::iota(blocks_.begin(), blocks_.end(), std::int64_t{0});
  if (options_.shuffle) permute(blocks_, seed_of({options_.seed, number, 0}));
  std::vector<std::int64_t> sizes;
  sizes.reserve(blocks_.size());
  for (const auto block : blocks_) sizes.push_back(options_.blocks[static_cast<std::size_t>(block)]);
  line_starts_ = starts_of(sizes);
  lanes_.resize(static_cast<std::size_t>(options_.lanes));
  for (std::int64_t lane = 0; lane < options_.lanes; ++lane) {
    auto& one = lanes_[static_cast<std::size_t>(lane)];
    one.line = even_share(samples(), lane, options_.lanes);
    one.window = -1;
  }
  last_block_ = 0;
  epoch_ = epoch;
}

/// Places come lane by lane, so that the block is mostly that of the one before.
std::int64_t EpochOrder::of_line(std::int64_t place) {
  auto at = last_block_;
  if (place < line_starts_[at] || place >= line_starts_[at + 1]) {
    const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), place);
    at = last_block_ = static_cast<std::size_t>(after - line_starts_.begin()) - 1;
  }
  return starts_[static_cast<std::size_t>(blocks_[at])] + place - line_starts_[at];
}

std::int64_t EpochOrder::sample(std::int64_t number, std::int64_t place) {
  auto& lane = lanes_[static_cast<std::size_t>(number)];
  if (!options_.shuffle) return of_line(lane.line.begin + place);
  const std::int64_t size = options_.window > 0 ? options_.window : lane.line.size();
  const std::int64_t window = place / size, first = window * size;
  if (lane.window != window) {
    const std::int64_t count = std::min(size, lane.line.size() - first);
    lane.order.resize(static_cast<std::size_t>(count));
    std::iota(lane.order.begin(), lane.order.end(), std::uint32_t{0});
    const auto epoch = static_cast<std::uint64_t>(epoch_);
    permute(lane.order, number == 0 && window == 0
                            ? seed_of({options_.seed, epoch})
                            : seed_of({options_.seed, epoch, 1 + static_cast<std::uint64_t>(number),
                                       static_cast<std::uint64_t>(window)}));
    lane.window = window;
  }
  const std::int64_t in_window = lane.order[static_cast<std::size_t>(place - first)];
  return of_line(lane.line.begin + first + in_window);
}

template <class Take>
void EpochOrder::for_each_lane(Range positions, Range part, Take take) const {
  const std::int64_t lanes = options_.lanes;
  std::int64_t before = 0;  // of the list, before this lane's
  for (std::int64_t lane = 0; lane < lanes && before < part.end; ++lane) {
    // Its positions are lane + lanes * i.
    const auto places_until = [&](std::int64_t position) {
      return position <= lane ? 0 : (position - lane + lanes - 1) / lanes;
    };
    const Range places{places_until(positions.begin), places_until(positions.end)};
    const Range mine{places.begin + std::clamp<std::int64_t>(part.begin - before, 0, places.size()),
                     places.begin + std::clamp<std::int64_t>(part.end - before, 0, places.size())};
    if (mine.size() > 0) take(lane, mine);
    before += places.size();
  }
}

std::vector<std::int64_t> EpochOrder::samples_at(std::int64_t epoch, Range positions, Range part) {
  start(epoch);
  std::vector<std::int64_t> samples;
  samples.reserve(static_cast<std::size_t>(part.size()));
  for_each_lane(positions, part, [&](std::int64_t lane, Range places) {
    for (auto place = places.begin; place < places.end; ++place) samples.push_back(sample(lane, place));
  });
  if (appearances_)
    for (auto& sample : samples) sample = appearances_->sample(epoch, sample);
  return samples;
}

std::vector<std::int64_t> EpochOrder::blocks_soon(std::int64_t epoch, Range positions, Range part) {
  start(epoch);
  std::vector<std::int64_t> soon;
  for_each_lane(positions, part, [&](std::int64_t number, Range places) {
    const Range line = lanes_[static_cast<std::size_t>(number)].line;
    const auto size = options_.window > 0 ? options_.window : std::max<std::int64_t>(1, line.size());
    const auto first = line.begin + places.begin / size * size;
    const auto end = std::min(line.end, line.begin + ((places.end - 1) / size + 2) * size);
    auto at = std::upper_bound(line_starts_.begin(), line_starts_.end(), first) - line_starts_.begin() - 1;
    for (;
         at < static_cast<std::ptrdiff_t>(blocks_.size()) && line_starts_[static_cast<std::size_t>(at)] < end;
         ++at)
      soon.push_back(blocks_[static_cast<std::size_t>(at)]);
  });
  return soon;
}

}  // namespace ringtrain
