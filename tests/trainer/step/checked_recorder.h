#pragma once

#include <memory>
#include <string>
#include <vector>

#include "comm/device_graph.h"

namespace ringtrain::test {

/// What stands for a GPU's recorder on a CPU. A graph's work is done when it is replayed, and must be each
/// time what a GPU would do that had frozen it: the same operations with the same numbers of the host, on the
/// same memory where that was there before; no wait for a number of the device. Else replay throws
/// std::logic_error, which names the operation.
class CheckedRecorder {
 public:
  GraphRecorder recorder();
  int recorded = 0, replayed = 0;
  /// Operations of a replay.
  std::size_t operations = 0;
};

}  // namespace ringtrain::test
