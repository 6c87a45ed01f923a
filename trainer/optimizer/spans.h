#pragma once

#include <cstdint>
#include <vector>

#include "comm/averaging/flat_slice.h"

namespace ringtrain {

/// Neighbouring parameters of a slice that one step treats alike.
struct Span {
  std::int64_t begin = 0;  ///< in elements, in the slice
  std::int64_t numel = 0;
  std::int64_t count = 0;  ///< steps in which these parameters took part, this one included
  bool operator==(const Span&) const = default;
};

/// The largest contiguous spans of `slice` whose parameters have one count, without those that sit the step
/// out. `counts` and `unused` are indexed like `parameters.entries()`; an empty `unused` means that all are
/// used. A gap behind a parameter belongs to it. Parameters that the slice cuts are cut.
std::vector<Span> spans_of(const FlatSlice& slice, const FlatParameters& parameters,
                           const std::vector<std::int64_t>& counts, const std::vector<bool>& unused);

}  // namespace ringtrain
