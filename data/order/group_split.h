#pragma once

#include <cstdint>
#include <vector>

#include "data/order/split_rule.h"

namespace ringtrain {

/// The part of each row, where all rows of a group are in one. `groups`: [rows], the hash of each one's value
/// (hash_bytes).
///
/// By shares the place of a group's hash decides, as that of a row does: what is appended moves no others.
/// With folds the groups are dealt out in the order of their hashes, each to the fold that has the fewest
/// rows so far, and whole groups of the rest become validation while that brings its size nearer to its
/// share.
std::vector<SplitPart> split_by_group(const SplitConfig& config, const std::vector<std::uint64_t>& groups,
                                      std::uint64_t seed);

}  // namespace ringtrain
