#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/profile/distribution.h"

namespace ringtrain {

/// How far two lists of counts of the same bins (or words) are from each other. Lists of equal length, of
/// which neither is all 0.

/// The population stability index, Σ (n - t) ln(n / t) over the bins' shares t then and n now (Siddiqi,
/// Credit Risk Scorecards, 2006); a share below 0.0001 is taken as that.
double stability_index(const std::vector<double>& then, const std::vector<double>& now);
/// Kolmogorov and Smirnov's statistic: the largest difference of the shares up to the end of a bin. That of
/// the values themselves is at least this.
double kolmogorov_smirnov(const std::vector<double>& then, const std::vector<double>& now);
/// The Jensen-Shannon distance, from 0 to √ln 2 = 0.83: the root of the divergence in nats (Endres and
/// Schindelin 2003).
double jensen_shannon(const std::vector<double>& then, const std::vector<double>& now);

/// What chance makes of them where nothing has changed, with `counts` bins of `then` and `now` values: beyond
/// it with probability `alarm`. Each is the quantile of a limit distribution.
struct ChanceLimits {
  double stability, smirnov, shannon;
};
ChanceLimits chance_limits(std::size_t bins, double then, double now, double alarm);
/// The same of the difference of two shares, whose common one is `share`.
double chance_of_shares(double share, double then, double now, double alarm);

/// Other rows of a column, counted in the bins and by the words of what was there.
class BesideColumn {
 public:
  /// `then` outlives it.
  explicit BesideColumn(const Distribution& then);
  /// NaN: missing.
  void add(double value);
  /// "": missing. `known`: whether it is a word of then, be it none of the frequent ones.
  void add(std::string_view word, bool known);
  /// The rows of another one, beside the same `then`.
  void join(const BesideColumn& other);

  const Distribution& then() const { return then_; }
  /// The same bins, or words in the same order, with the counts of the rows that were added.
  const Distribution& now() const { return now_; }
  std::int64_t outside() const { return outside_; }  ///< numbers out of the range of then
  std::int64_t unseen() const { return unseen_; }    ///< words that are none of then
  const std::string& first_unseen() const { return first_unseen_; }
  /// The counts of either: bins, or words and the rest.
  static std::vector<double> counts_of(const Distribution& column);

 private:
  const Distribution& then_;
  Distribution now_;
  std::unordered_map<std::string_view, std::size_t> places_;
  std::int64_t outside_ = 0, unseen_ = 0;
  std::string first_unseen_;
};

}  // namespace ringtrain
