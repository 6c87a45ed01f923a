#include <algorithm>
#include <chrono>

#include "bench/programs/all_reduce.h"

namespace ringtrain::bench {

void serve_all_reduce(Control& control, int rank, const std::function<void()>& barrier,
                      const std::function<void(std::vector<float>&)>& sum) {
  std::vector<float> buffer;
  while (const auto command = control.next()) {
    if (command->at("do") == "memory") {
      control.answer(resident_memory());
      continue;
    }
    const int count = command->at("count");
    buffer.resize(command->at("bytes").get<std::size_t>() / sizeof(float));
    std::fill(buffer.begin(), buffer.end(), static_cast<float>(rank + 1));
    barrier();
    sum(buffer);
    const float first = buffer.empty() ? 0 : buffer.back();
    // Zeros, so that repeated sums do not overflow: infinities and denormals could be slower.
    std::fill(buffer.begin(), buffer.end(), 0.0F);
    barrier();
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i) sum(buffer);
    barrier();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    control.answer({{"seconds", seconds.count() / count}, {"sum", first}});
  }
}

}  // namespace ringtrain::bench
