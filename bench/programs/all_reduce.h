#pragma once

#include <functional>
#include <span>

#include "bench/programs/control.h"

namespace ringtrain::bench {

/// A buffer, and what sums it over all ranks, in place.
struct Reduced {
  std::span<float> buffer;
  std::function<void()> sum;
};

/// Serves the driver's {"bytes", "count"} commands: `count` sums over all ranks of a float32 buffer of so
/// many bytes, in place. Before each one every rank writes its buffer, as a backward pass would, and waits
/// for the others; neither is timed. Answers the mean seconds of one sum, and the last value, which proves
/// that the sum is right: every rank puts in its rank + 1. `barrier` is collective, and so are `make`, which
/// makes a buffer of so many floats, and what it returns.
void serve_all_reduce(Control& control, int rank, const std::function<void()>& barrier,
                      const std::function<Reduced(std::size_t)>& make);

}  // namespace ringtrain::bench
