#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "comm/averaging/flat_parameters.h"

namespace ringtrain {

/// A contiguous piece of one group of flat parameters that one rank updates: the whole group, or the rank's
/// own part of it (comm/averaging/sharded_averager.h).
struct FlatSlice {
  std::size_t group = 0;
  std::int64_t begin = 0;  ///< in elements, in its group; a multiple of 64 bytes
  at::Tensor values;       ///< 1-d, a view of the group's values
  at::Tensor gradients;    ///< 1-d, same size: what they are updated by
};

/// Every group whole.
inline std::vector<FlatSlice> whole_slices(const FlatParameters& parameters) {
  std::vector<FlatSlice> slices;
  for (const auto& group : parameters.groups())
    slices.push_back({slices.size(), 0, group.values, group.gradients});
  return slices;
}

}  // namespace ringtrain
