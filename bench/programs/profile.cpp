#include "bench/programs/profile.h"

#include <torch/csrc/autograd/profiler_kineto.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace ringtrain::bench {

nlohmann::json profile(int count, const std::function<void()>& step) {
  namespace profiler = torch::autograd::profiler;
  const profiler::ProfilerConfig config(profiler::ProfilerState::KINETO);
  const std::set<profiler::ActivityType> activities{profiler::ActivityType::CUDA};
  profiler::prepareProfiler(config, activities);
  profiler::enableProfiler(config, activities);
  for (int i = 0; i < count; ++i) step();
  const auto result = profiler::disableProfiler();
  struct Sum {
    double ms = 0, calls = 0;
  };
  std::map<std::string, Sum> sums;
  for (const auto& event : result->events()) {
    if (event.deviceType() != c10::DeviceType::CUDA) continue;
    auto& sum = sums[event.name()];
    sum.ms += static_cast<double>(event.durationNs()) / 1e6 / count;
    sum.calls += 1.0 / count;
  }
  auto kernels = nlohmann::json::array();
  for (const auto& [name, sum] : sums)
    kernels.push_back({{"name", name}, {"ms", sum.ms}, {"calls", sum.calls}});
  std::sort(kernels.begin(), kernels.end(),
            [](const auto& a, const auto& b) { return a["ms"].template get<double>() > b["ms"]; });
  return {{"kernels", kernels}};
}

}  // namespace ringtrain::bench
