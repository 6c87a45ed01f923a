#include "data/order/appearances.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/errors.h"
#include "common/hash.h"
#include "data/order/random.h"

namespace ringtrain {
namespace {

/// Another stream than those of the permutations (epoch_order.cpp), which begin with {seed, epoch}.
constexpr std::uint64_t kStream = 0x61707065617273ULL;  // "appears"

}  // namespace

Appearances::Appearances(const std::vector<double>& weights, std::uint64_t seed) : seed_(seed) {
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!std::isfinite(weights[i]) || weights[i] < 0)
      throw ConfigError(
          fmt::format("sample {} has the weight {}: expected a number from 0 on", i, weights[i]));
    ends_.push_back(sum += weights[i]);
  }
  if (!std::isfinite(sum) || (sum <= 0 && !weights.empty()))
    throw ConfigError(fmt::format("the weights of {} samples have the sum {}: expected a positive number",
                                  weights.size(), sum));
  const auto count = static_cast<double>(weights.size());
  for (auto& end : ends_) end = end / sum * count;
}

std::int64_t Appearances::sample(std::int64_t epoch, std::int64_t number) const {
  const double u = SplitMix64(seed_of({seed_, static_cast<std::uint64_t>(epoch), kStream})).uniform();
  // The first i with floor(W[i + 1] + u) > number. The last W is n to the bit: sum / sum * n.
  const auto found = std::lower_bound(ends_.begin(), ends_.end(), static_cast<double>(number) + 1 - u);
  return std::min(static_cast<std::int64_t>(found - ends_.begin()), size() - 1);
}

}  // namespace ringtrain
