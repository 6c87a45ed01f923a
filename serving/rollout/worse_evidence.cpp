#include "serving/rollout/worse_evidence.h"

#include <algorithm>
#include <cmath>

#include "common/errors.h"

namespace ringtrain {

void WorseEvidence::add_live(double loss) {
  live_.sum += loss;
  ++live_.count;
  waiting_live_.push_back(loss);
  if (waiting_live_.size() > kMost) waiting_live_.pop_front();
  compare();
}

void WorseEvidence::add_candidate(double loss) {
  candidate_.sum += loss;
  ++candidate_.count;
  waiting_candidate_.push_back(loss);
  if (waiting_candidate_.size() > kMost) waiting_candidate_.pop_front();
  compare();
}

void WorseEvidence::compare() {
  if (waiting_live_.empty() || waiting_candidate_.empty()) return;
  const double loss = waiting_candidate_.front();
  waiting_candidate_.pop_front();
  double sum = 0;
  for (const double live : waiting_live_) sum += loss > live ? 1 : loss < live ? -1 : 0;
  const double difference = sum / static_cast<double>(waiting_live_.size());
  waiting_live_.clear();
  ++count_;
  double wealth = 0, bet = 1;
  for (auto& one : log_wealth_) {
    one += std::log1p((bet /= 2) * difference);
    wealth += std::exp(one) / static_cast<double>(kBets);
  }
  constexpr double kEnough = 1e12;  // JSON has no infinity
  best_ = std::max(best_, std::min(wealth, kEnough));
}

double WorseEvidence::p_value() const { return 1 / best_; }

double WorseEvidence::mean_live() const { return live_.sum / static_cast<double>(live_.count); }
double WorseEvidence::mean_candidate() const {
  return candidate_.sum / static_cast<double>(candidate_.count);
}

nlohmann::json WorseEvidence::to_json() const {
  return {{"log_wealth", log_wealth_},
          {"best", best_},
          {"count", count_},
          {"live", {live_.sum, live_.count}},
          {"candidate", {candidate_.sum, candidate_.count}}};
}

WorseEvidence WorseEvidence::from_json(const nlohmann::json& json) {
  WorseEvidence evidence;
  const auto wealth = json.at("log_wealth").get<std::vector<double>>();
  if (wealth.size() != kBets) throw DataError("the evidence is one of another version of ringtrain");
  std::copy(wealth.begin(), wealth.end(), evidence.log_wealth_.begin());
  evidence.best_ = std::max(1.0, json.at("best").get<double>());
  evidence.count_ = json.at("count").get<std::uint64_t>();
  const auto mean = [&](const char* name) {
    return Mean{json.at(name).at(0).get<double>(), json.at(name).at(1).get<std::uint64_t>()};
  };
  evidence.live_ = mean("live");
  evidence.candidate_ = mean("candidate");
  return evidence;
}

}  // namespace ringtrain
