#pragma once

#include <cstdint>

#include "common/hash.h"

namespace ringtrain {

/// The seed of what is random in one step on one rank (dropout). A pure function: it differs between ranks,
/// so that they do not drop the same values, and between steps, and is the same again when a run is resumed,
/// without any state.
constexpr std::uint64_t step_seed(std::int64_t seed, std::int64_t step, int rank) {
  constexpr std::uint64_t purpose = 2;  // apart from the initial weights' seed
  return seed_of({static_cast<std::uint64_t>(seed), purpose, static_cast<std::uint64_t>(step),
                  static_cast<std::uint64_t>(rank)});
}

}  // namespace ringtrain
