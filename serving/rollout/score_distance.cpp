#include "serving/rollout/score_distance.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "common/errors.h"

namespace ringtrain {

static constexpr std::size_t kTenths = 10;

ScoreDistance::Bin& ScoreDistance::bin_of(double score) {
  const auto edge = std::lower_bound(edges_.begin(), edges_.end(), score);
  return bins_[static_cast<std::size_t>(edge - edges_.begin())];
}

void ScoreDistance::make_bins() {
  auto sorted = first_live_;
  std::sort(sorted.begin(), sorted.end());
  edges_.push_back(std::nextafter(sorted.front(), -std::numeric_limits<double>::infinity()));
  for (std::size_t tenth = 1; tenth <= kTenths; ++tenth)
    edges_.push_back(sorted[tenth * (sorted.size() - 1) / kTenths]);
  edges_.erase(std::unique(edges_.begin(), edges_.end()), edges_.end());
  bins_.resize(edges_.size() + 1);
  add_live(std::exchange(first_live_, {}));
  add_candidate(std::exchange(first_candidate_, {}));
}

void ScoreDistance::add_live(const std::vector<double>& scores) {
  for (const double score : scores) {
    if (!bins_.empty()) {
      ++bin_of(score).live;
      ++live_;
    } else if (std::isfinite(score)) {
      first_live_.push_back(score);
    }
  }
  if (bins_.empty() && first_live_.size() >= kForBins) make_bins();
}

void ScoreDistance::add_candidate(const std::vector<double>& scores) {
  for (const double score : scores) {
    if (!bins_.empty()) {
      ++bin_of(score).candidate;
      ++candidate_;
    } else if (first_candidate_.size() < kForBins) {
      // What is no number is far from all: below them, as in bins. JSON has none.
      first_candidate_.push_back(std::isfinite(score) ? score : std::numeric_limits<double>::lowest());
    }
  }
}

std::optional<double> ScoreDistance::value() const {
  if (live_ == 0 || candidate_ == 0) return std::nullopt;
  const double bins = static_cast<double>(bins_.size());
  double sum = 0;
  for (const auto& bin : bins_) {
    const double live = (static_cast<double>(bin.live) + 0.5) / (static_cast<double>(live_) + 0.5 * bins);
    const double candidate =
        (static_cast<double>(bin.candidate) + 0.5) / (static_cast<double>(candidate_) + 0.5 * bins);
    sum += (candidate - live) * std::log(candidate / live);
  }
  return sum;
}

nlohmann::json ScoreDistance::to_json() const {
  if (bins_.empty()) return {{"first_live", first_live_}, {"first_candidate", first_candidate_}};
  auto bins = nlohmann::json::array();
  for (const auto& bin : bins_) bins.push_back({bin.live, bin.candidate});
  return {{"edges", edges_}, {"bins", bins}};
}

ScoreDistance ScoreDistance::from_json(const nlohmann::json& json) {
  ScoreDistance distance;
  if (!json.contains("edges")) {
    distance.add_live(json.value("first_live", std::vector<double>{}));
    distance.add_candidate(json.value("first_candidate", std::vector<double>{}));
    return distance;
  }
  distance.edges_ = json.at("edges").get<std::vector<double>>();
  for (const auto& item : json.at("bins")) {
    distance.bins_.push_back({item.at(0).get<std::uint64_t>(), item.at(1).get<std::uint64_t>()});
    distance.live_ += distance.bins_.back().live;
    distance.candidate_ += distance.bins_.back().candidate;
  }
  if (distance.bins_.size() != distance.edges_.size() + 1 ||
      !std::is_sorted(distance.edges_.begin(), distance.edges_.end()))
    throw DataError("the bins of scores do not fit their edges");
  return distance;
}

}  // namespace ringtrain
