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
  at::Tensor gradients;    ///< 1-d, same size: what they are updated by; undefined: the group's own
};

/// Elements [begin, end) of slice `slice`, which are reduced and updated together.
struct SlicePart {
  std::size_t slice;
  std::int64_t begin, end;
};

/// Every group whole, with its own gradients.
inline std::vector<FlatSlice> whole_slices(const FlatParameters& parameters) {
  std::vector<FlatSlice> slices;
  for (const auto& group : parameters.groups())
    slices.push_back({slices.size(), 0, group.values, at::Tensor()});
  return slices;
}

/// The gradients of a slice, wherever its group's are now.
inline at::Tensor gradients_of(const FlatSlice& slice, const FlatParameters& parameters) {
  if (slice.gradients.defined()) return slice.gradients;
  const at::Tensor& all = parameters.groups()[slice.group].gradients;
  return slice.values.numel() == all.numel() ? all : all.narrow(0, slice.begin, slice.values.numel());
}

}  // namespace ringtrain
