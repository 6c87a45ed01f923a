#pragma once

#include <functional>

#include "bench/programs/control.h"

namespace ringtrain::bench {

/// Serves the driver's {"bytes", "count"} commands: `count` sums over all ranks of a float32 buffer of so
/// many bytes, in place. Answers the mean seconds of one, and the first value, which proves that the sum is
/// right: every rank puts in its rank + 1. `barrier` and `sum` are collective; `sum` is given the buffer.
void serve_all_reduce(Control& control, int rank, const std::function<void()>& barrier,
                      const std::function<void(std::vector<float>&)>& sum);

}  // namespace ringtrain::bench
