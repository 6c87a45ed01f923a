#include "launch/report/measures.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ringtrain::report {
namespace {

constexpr double kNone = NAN;

double share(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : kNone;
}

/// Linear between neighbours, as numpy.quantile. `sorted` is not empty.
double quantile(const std::vector<double>& sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(place);
  const auto high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (place - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

}  // namespace

nlohmann::ordered_json finite(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

RankingCurves RankingCurves::of(std::span<const double> scores, const std::vector<char>& positive) {
  RankingCurves curves;
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  curves.positives = std::count_if(positive.begin(), positive.end(), [](char one) { return one != 0; });
  curves.negatives = static_cast<std::int64_t>(scores.size()) - curves.positives;
  std::int64_t taken = 0, wrong = 0;
  double area = 0, precision_sum = 0;
  curves.points.push_back({INFINITY, share(0, curves.negatives), share(0, curves.positives), 1});
  for (std::size_t i = 0; i < order.size();) {
    const double score = scores[order[i]];
    std::int64_t right_now = 0, wrong_now = 0;
    for (; i < order.size() && scores[order[i]] == score; ++i) ++(positive[order[i]] ? right_now : wrong_now);
    // The rows of one score: half of their pairs count.
    area +=
        static_cast<double>(wrong_now) * (static_cast<double>(taken) + static_cast<double>(right_now) / 2);
    taken += right_now;
    wrong += wrong_now;
    const double precision = share(taken, taken + wrong);
    precision_sum += static_cast<double>(right_now) * precision;
    curves.points.push_back(
        {score, share(wrong, curves.negatives), share(taken, curves.positives), precision});
  }
  const bool both = curves.positives > 0 && curves.negatives > 0;
  curves.roc_auc =
      both ? area / (static_cast<double>(curves.positives) * static_cast<double>(curves.negatives)) : kNone;
  curves.average_precision =
      curves.positives > 0 ? precision_sum / static_cast<double>(curves.positives) : kNone;
  return curves;
}

RankingPoint RankingCurves::at(double threshold) const {
  auto place = points.front();
  for (const auto& point : points) {
    if (point.threshold < threshold) break;
    place = point;
  }
  place.threshold = threshold;
  return place;
}

std::vector<RankingPoint> RankingCurves::thinned(std::size_t most) const {
  if (points.size() <= most) return points;
  std::vector<RankingPoint> kept{points.front()};
  const double step = 3.0 / static_cast<double>(most);
  for (std::size_t i = 1; i + 1 < points.size(); ++i) {
    const auto& last = kept.back();
    const auto& point = points[i];
    const double moved = std::abs(point.false_positive_rate - last.false_positive_rate) +
                         std::abs(point.true_positive_rate - last.true_positive_rate) +
                         std::abs(point.precision - last.precision);
    if (moved >= step) kept.push_back(point);
  }
  kept.push_back(points.back());
  return kept;
}

Calibration Calibration::of(std::span<const double> probabilities, const std::vector<char>& came_true) {
  constexpr std::size_t count = 10;
  Calibration result;
  for (std::size_t b = 0; b < count; ++b)
    result.bins.push_back({static_cast<double>(b) / count, static_cast<double>(b + 1) / count});
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    const double p = std::clamp(probabilities[i], 0.0, 1.0);
    auto& bin = result.bins[std::min(static_cast<std::size_t>(p * count), count - 1)];
    ++bin.rows;
    bin.said += p;
    bin.seen += came_true[i] ? 1 : 0;
  }
  for (auto& bin : result.bins) {
    const auto rows = static_cast<double>(bin.rows);
    result.expected_error += std::abs(bin.said - bin.seen);
    bin.said = bin.rows > 0 ? bin.said / rows : kNone;
    bin.seen = bin.rows > 0 ? bin.seen / rows : kNone;
  }
  result.expected_error =
      probabilities.empty() ? kNone : result.expected_error / static_cast<double>(probabilities.size());
  return result;
}

double brier_score(std::span<const double> probabilities, std::int64_t classes,
                   std::span<const std::int64_t> truth) {
  double sum = 0;
  for (std::size_t row = 0; row < truth.size(); ++row)
    for (std::int64_t k = 0; k < classes; ++k) {
      const double p = probabilities[row * static_cast<std::size_t>(classes) + static_cast<std::size_t>(k)];
      const double d = p - (truth[row] == k ? 1 : 0);
      sum += d * d;
    }
  return truth.empty() ? kNone : sum / static_cast<double>(truth.size()) / (classes == 2 ? 2 : 1);
}

Residuals Residuals::of(std::span<const double> answers, std::span<const double> targets) {
  Residuals result;
  std::vector<double> differences;
  double truth_sum = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (!std::isfinite(answers[i]) || !std::isfinite(targets[i])) continue;
    differences.push_back(answers[i] - targets[i]);
    truth_sum += targets[i];
  }
  result.rows = static_cast<std::int64_t>(differences.size());
  if (differences.empty()) {
    result.mean = result.mean_absolute = result.root_mean_square = result.r2 = kNone;
    return result;
  }
  const auto rows = static_cast<double>(differences.size());
  double absolute = 0, squares = 0, sum = 0, spread = 0;
  for (const double d : differences) {
    sum += d;
    absolute += std::abs(d);
    squares += d * d;
  }
  for (std::size_t i = 0; i < answers.size(); ++i)
    if (std::isfinite(answers[i]) && std::isfinite(targets[i]))
      spread += (targets[i] - truth_sum / rows) * (targets[i] - truth_sum / rows);
  result.mean = sum / rows;
  result.mean_absolute = absolute / rows;
  result.root_mean_square = std::sqrt(squares / rows);
  result.r2 = spread > 0 ? 1 - squares / spread : kNone;
  std::sort(differences.begin(), differences.end());
  for (const double q : {0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0})
    result.quantiles.push_back(quantile(differences, q));
  const double low = quantile(differences, 0.005), high = quantile(differences, 0.995);
  if (!(high > low)) return result;
  const auto bins = static_cast<std::size_t>(std::clamp(std::sqrt(rows), 8.0, 40.0));
  result.counts.assign(bins, 0);
  for (std::size_t b = 0; b <= bins; ++b)
    result.edges.push_back(low + (high - low) * static_cast<double>(b) / static_cast<double>(bins));
  for (const double d : differences)
    if (d >= low && d <= high)
      ++result.counts[std::min(static_cast<std::size_t>((d - low) / (high - low) * static_cast<double>(bins)),
                               bins - 1)];
  return result;
}

}  // namespace ringtrain::report
