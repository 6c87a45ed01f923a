#pragma once

#include <functional>
#include <span>

#include "bench/programs/control.h"

namespace ringtrain::bench {

/// Serves the driver's {"bytes", "count"} commands: `count` sums over all ranks of a float32 buffer of so
/// many bytes, in place. Answers the mean seconds of one, and the last value, which proves that the sum is
/// right: every rank puts in its rank + 1. `barrier` is collective, and so is what `sum_of` makes for a
/// buffer, which stays where it is.
void serve_all_reduce(Control& control, int rank, const std::function<void()>& barrier,
                      const std::function<std::function<void()>(std::span<float>)>& sum_of);

}  // namespace ringtrain::bench
