#include "data/profile/drift_measures.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ringtrain {
namespace {

constexpr double kLeastShare = 1e-4;
/// What a number may lose where one of both sides was held in float32.
constexpr double kRounding = 1e-6;

double sum_of(const std::vector<double>& counts) {
  return std::accumulate(counts.begin(), counts.end(), 0.0);
}

/// x ln(x / y), which is 0 at x = 0.
double entropy_term(double x, double y) { return x > 0 ? x * std::log(x / y) : 0; }

/// A number that a standard normal one is beyond with at most this probability (Chernoff).
double normal_limit(double alarm) { return std::sqrt(-2 * std::log(2 * alarm)); }

/// The same of chi-square (Wilson and Hilferty 1931).
double chi_square_limit(double degrees, double alarm) {
  const double part = 2 / (9 * degrees);
  return degrees * std::pow(1 - part + normal_limit(alarm) * std::sqrt(part), 3);
}

/// What one bin gives to a measure, by its shares then and now.
double stability_part(double then, double now) {
  const double t = std::max(then, kLeastShare), n = std::max(now, kLeastShare);
  return (n - t) * std::log(n / t);
}
double divergence_part(double then, double now) {
  const double middle = (then + now) / 2;
  return (entropy_term(then, middle) + entropy_term(now, middle)) / 2;
}

struct Moments {
  double mean, variance;
};

/// Of the part of a bin, where chance draws so many values of one side: sums over the bin's counts, which are
/// about Poisson's. Of few values an empty bin gives more than its square does. Of many the part is about
/// `square` (n - t)² / t.
template <class Part>
Moments moments_of_bin(double share, double values, double square, const Part& part) {
  const double expected = share * values;
  if (expected > 200) return {square / values, 2 * square * square / (values * values)};
  double probability = std::exp(-expected), mean = 0, squares = 0;
  const double most = expected + 12 * std::sqrt(expected) + 20;
  for (double count = 0; count <= most; ++count) {
    if (count > 0) probability *= expected / count;
    const double found = part(share, count / values);
    mean += probability * found;
    squares += probability * found * found;
  }
  return {mean, squares - mean * mean};
}

/// Of the sum over bins with equal shares: a scaled chi-square distribution with its mean and variance.
template <class Part>
double limit_of_sum(std::size_t bins, double then, double now, double alarm, double square,
                    const Part& part) {
  if (bins < 2) return 0;
  const double share = 1 / static_cast<double>(bins), free = static_cast<double>(bins - 1);
  const auto before = moments_of_bin(share, then, square, part),
             after = moments_of_bin(share, now, square, part);
  const double mean = free * (before.mean + after.mean);
  const double deviation = std::sqrt(before.variance) + std::sqrt(after.variance);
  const double degrees = 2 * mean * mean / (free * deviation * deviation);
  return mean / degrees * chi_square_limit(degrees, alarm);
}

}  // namespace

double stability_index(const std::vector<double>& then, const std::vector<double>& now) {
  const double all_then = sum_of(then), all_now = sum_of(now);
  double sum = 0;
  for (std::size_t i = 0; i < then.size(); ++i) sum += stability_part(then[i] / all_then, now[i] / all_now);
  return sum;
}

double kolmogorov_smirnov(const std::vector<double>& then, const std::vector<double>& now) {
  const double all_then = sum_of(then), all_now = sum_of(now);
  double up_to_then = 0, up_to_now = 0, largest = 0;
  for (std::size_t i = 0; i < then.size(); ++i) {
    up_to_then += then[i];
    up_to_now += now[i];
    largest = std::max(largest, std::abs(up_to_then / all_then - up_to_now / all_now));
  }
  return largest;
}

double jensen_shannon(const std::vector<double>& then, const std::vector<double>& now) {
  const double all_then = sum_of(then), all_now = sum_of(now);
  double sum = 0;
  for (std::size_t i = 0; i < then.size(); ++i) sum += divergence_part(then[i] / all_then, now[i] / all_now);
  return std::sqrt(std::max(0.0, sum));
}

/// Both PSI and eight times the divergence are Σ (n - t)² / t to second order, which is chi-square over the
/// harmonic number of values where bins hold many (Yurdakul and Naranjo, "Statistical properties of the
/// population stability index", 2020).
ChanceLimits chance_limits(std::size_t bins, double then, double now, double alarm) {
  return {limit_of_sum(bins, then, now, alarm, 1, stability_part),
          std::sqrt((1 / then + 1 / now) * -std::log(alarm / 2) / 2),
          std::sqrt(limit_of_sum(bins, then, now, alarm, 1.0 / 8, divergence_part))};
}

/// By Bernstein's inequality, which holds for few rows, too.
double chance_of_shares(double share, double then, double now, double alarm) {
  if (share <= 0) return 0;
  const double rare = 2.0 / 3 * -std::log(alarm) / std::min(then, now);
  return normal_limit(alarm) * std::sqrt(share * (1 - share) * (1 / then + 1 / now)) + rare;
}

BesideColumn::BesideColumn(const Distribution& then) : then_(then), now_(then) {
  now_.present = now_.missing = now_.rest = now_.different = 0;
  std::fill(now_.bins.begin(), now_.bins.end(), 0);
  for (std::size_t i = 0; i < now_.words.size(); ++i) {
    now_.words[i].second = 0;
    places_.emplace(then.words[i].first, i);
  }
}

void BesideColumn::add(double value) {
  if (std::isnan(value)) {
    ++now_.missing;
    return;
  }
  now_.low = now_.present == 0 ? value : std::min(now_.low, value);
  now_.high = now_.present == 0 ? value : std::max(now_.high, value);
  ++now_.present;
  ++now_.bins[then_.bin_of(value)];
  const double slack = kRounding * std::max(std::abs(then_.low), std::abs(then_.high));
  outside_ += then_.present > 0 && (value < then_.low - slack || value > then_.high + slack);
}

void BesideColumn::add(std::string_view word, bool known) {
  if (word.empty()) {
    ++now_.missing;
    return;
  }
  ++now_.present;
  if (const auto found = places_.find(word); found != places_.end())
    ++now_.words[found->second].second;
  else
    ++now_.rest;
  if (known) return;
  if (unseen_++ == 0) first_unseen_ = word;
}

void BesideColumn::join(const BesideColumn& other) {
  const auto& more = other.now_;
  if (more.present > 0) {
    now_.low = now_.present == 0 ? more.low : std::min(now_.low, more.low);
    now_.high = now_.present == 0 ? more.high : std::max(now_.high, more.high);
  }
  now_.present += more.present;
  now_.missing += more.missing;
  now_.rest += more.rest;
  for (std::size_t i = 0; i < now_.bins.size(); ++i) now_.bins[i] += more.bins[i];
  for (std::size_t i = 0; i < now_.words.size(); ++i) now_.words[i].second += more.words[i].second;
  outside_ += other.outside_;
  if (unseen_ == 0) first_unseen_ = other.first_unseen_;
  unseen_ += other.unseen_;
}

std::vector<double> BesideColumn::counts_of(const Distribution& column) {
  if (!column.of_words) return {column.bins.begin(), column.bins.end()};
  std::vector<double> counts;
  for (const auto& [word, count] : column.words) counts.push_back(static_cast<double>(count));
  counts.push_back(static_cast<double>(column.rest));
  return counts;
}

}  // namespace ringtrain
