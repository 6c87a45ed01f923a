#pragma once

#include <functional>
#include <nlohmann/json.hpp>

namespace ringtrain::bench {

/// What the GPU does during `count` calls of `step`, a call: {"kernels": [{"name", "ms", "calls"}, ...]}, all
/// of them, the longest in sum first (copies count too). Empty on a CPU.
nlohmann::json profile(int count, const std::function<void()>& step);

}  // namespace ringtrain::bench
