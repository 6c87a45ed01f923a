#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>

namespace ringtrain {

/// Evidence that a candidate's losses are larger than the live version's, which may be looked at after each
/// one: a test by betting. Each loss of the candidate is compared with the live version's that came since
/// the last one: D in [-1, 1] is the mean of sign(candidate - live), of wrong and right answers the
/// difference of the shares. Where both versions are as good, the wealth that begins with 1 and is
/// multiplied by 1 + b D stays 1 in expectation whatever b is, so that it ever reaches 1 / a with a
/// probability of at most a (Ville 1939). It is shared among several b, which is a mixture as that of the
/// mixture SPRT. Always-valid inference: Johari, Koomen, Pekelis, Walsh, "Peeking at A/B Tests" (KDD 2017);
/// bets on bounded means: Waudby-Smith, Ramdas, "Estimating means of bounded random variables by betting"
/// (J. R. Stat. Soc. B 86, 2024). Nothing is assumed of the losses but that both sides get rows alike. Not
/// for several threads.
class WorseEvidence {
 public:
  void add_live(double loss);
  void add_candidate(double loss);
  /// Comparisons.
  std::uint64_t count() const { return count_; }
  /// At most 1, and valid at every time: P(ever below a) <= a where the candidate is not worse.
  double p_value() const;
  /// The means of all losses; NaN without any.
  double mean_live() const;
  double mean_candidate() const;

  nlohmann::json to_json() const;
  /// Throws nlohmann's exception, or DataError.
  static WorseEvidence from_json(const nlohmann::json& json);

 private:
  static constexpr std::size_t kBets = 8;    // 1/2, 1/4, …
  static constexpr std::size_t kMost = 100;  // that wait for the other side
  struct Mean {
    double sum = 0;
    std::uint64_t count = 0;
  };
  void compare();

  std::array<double, kBets> log_wealth_{};
  double best_ = 1;  // the largest wealth so far
  std::uint64_t count_ = 0;
  Mean live_, candidate_;
  std::deque<double> waiting_live_, waiting_candidate_;
};

}  // namespace ringtrain
