#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace ringtrain {

/// A trial at one of its budgets.
struct RungTrial {
  std::size_t trial = 0, rung = 0;
  auto operator<=>(const RungTrial&) const = default;
};

/// Which attempt is next: asynchronous successive halving (Li et al., A System for Massively Parallel
/// Hyperparameter Tuning, MLSys 2020, algorithm 2). Whenever one is asked for, the best attempt that is among
/// the best 1/`eta` of its rung and has not gone on yet goes on to the next rung, of the highest rung that
/// has such; else a new trial begins. Where all trials have begun and a rung awaits no more, its best one
/// goes on whatever their number, so that one reaches the last rung. Of one rung: all trials in turn.
class Halving {
 public:
  Halving(std::size_t trials, std::size_t rungs, std::size_t eta);

  /// The next attempt, which is under way from now on; nothing: none now.
  std::optional<RungTrial> next();
  /// `attempt` is under way, as an earlier process decided.
  void begun(const RungTrial& attempt);
  /// What came of it. `loss`: the smaller the better; infinite for one that failed.
  void ended(const RungTrial& attempt, double loss);

 private:
  struct Rung {
    std::map<std::size_t, double> losses;  ///< by trial, of those that ended
    std::vector<std::size_t> under_way, gone_on;
  };
  bool awaits_more(std::size_t rung) const;
  std::optional<std::size_t> to_go_on(std::size_t rung) const;
  std::size_t trials_, eta_, begun_ = 0;
  std::vector<Rung> rungs_;
};

/// Epochs of the rungs, ascending: `most`, and the others each 1/`eta` of the next, rounded down, not below
/// `least`.
std::vector<std::int64_t> rung_epochs(std::int64_t most, std::int64_t least, std::int64_t eta);

}  // namespace ringtrain
