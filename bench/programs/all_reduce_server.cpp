#include <algorithm>
#include <chrono>
#include <vector>

#include "bench/programs/all_reduce.h"

namespace ringtrain::bench {

void serve_all_reduce(Control& control, int rank, const std::function<void()>& barrier,
                      const std::function<std::function<void()>(std::span<float>)>& sum_of) {
  std::vector<float> buffer;
  while (const auto command = control.next()) {
    if (command->at("do") == "memory") {
      control.answer(resident_memory());
      continue;
    }
    const int count = command->at("count");
    buffer.resize(command->at("bytes").get<std::size_t>() / sizeof(float));
    std::fill(buffer.begin(), buffer.end(), static_cast<float>(rank + 1));
    const auto sum = sum_of(buffer);
    barrier();
    sum();
    const float total = buffer.back();
    // Zeros, so that repeated sums do not overflow: infinities and denormals could be slower.
    std::fill(buffer.begin(), buffer.end(), 0.0F);
    barrier();
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i) sum();
    barrier();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    control.answer({{"seconds", seconds.count() / count}, {"sum", total}});
  }
}

}  // namespace ringtrain::bench
