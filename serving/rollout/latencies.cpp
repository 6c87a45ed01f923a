#include "serving/rollout/latencies.h"

#include <algorithm>
#include <cmath>

#include "common/errors.h"

namespace ringtrain {
namespace {

constexpr double kShortest = 1e-6;
constexpr int kMostSteps = 2000;  // 1.02^2000 µs are thousands of years
const double kStep = std::log(1.02);

int step_of(double seconds) {
  if (!(seconds > kShortest)) return 0;
  return std::min(kMostSteps, static_cast<int>(std::ceil(std::log(seconds / kShortest) / kStep)));
}

/// The longest time of a step.
double seconds_of(int step) { return kShortest * std::exp(step * kStep); }

}  // namespace

void Latencies::add(double seconds) {
  ++counts_[step_of(seconds)];
  ++count_;
}

double Latencies::quantile(double share) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  std::uint64_t below = 0;
  for (const auto& [step, count] : counts_)
    if ((below += count) >= std::max<std::uint64_t>(wanted, 1)) return seconds_of(step);
  return 0;
}

std::uint64_t Latencies::above(double seconds) const {
  std::uint64_t count = 0;
  for (auto step = counts_.upper_bound(step_of(seconds)); step != counts_.end(); ++step)
    count += step->second;
  return count;
}

nlohmann::json Latencies::to_json() const {
  auto json = nlohmann::json::array();
  for (const auto& [step, count] : counts_) json.push_back({step, count});
  return json;
}

Latencies Latencies::from_json(const nlohmann::json& json) {
  Latencies latencies;
  for (const auto& item : json) {
    const auto step = item.at(0).get<int>();
    if (step < 0 || step > kMostSteps) throw DataError("a latency's step is out of range");
    latencies.count_ += latencies.counts_[step] = item.at(1).get<std::uint64_t>();
  }
  return latencies;
}

}  // namespace ringtrain
