#include <algorithm>
#include <chrono>
#include <map>

#include "bench/programs/all_reduce.h"

namespace ringtrain::bench {

void serve_all_reduce(Control& control, int rank, const std::function<void()>& barrier,
                      const std::function<Reduced(std::size_t)>& make) {
  using Clock = std::chrono::steady_clock;
  std::map<std::size_t, Reduced> made;
  while (const auto command = control.next()) {
    if (command->at("do") == "memory") {
      control.answer(resident_memory());
      continue;
    }
    const int count = command->at("count");
    const std::size_t floats = command->at("bytes").get<std::size_t>() / sizeof(float);
    if (!made.contains(floats)) made.emplace(floats, make(floats));
    const auto& [buffer, sum] = made.at(floats);
    std::chrono::duration<double> seconds{0};
    for (int i = 0; i < count; ++i) {
      std::fill(buffer.begin(), buffer.end(), static_cast<float>(rank + 1));
      barrier();
      const auto begin = Clock::now();
      sum();
      seconds += Clock::now() - begin;
    }
    control.answer({{"seconds", seconds.count() / count}, {"sum", buffer.back()}});
  }
}

}  // namespace ringtrain::bench
