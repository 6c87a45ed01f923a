#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

namespace ringtrain {

/// How far a candidate's scores lie from the live version's: the population stability index
///   PSI = sum over bins of (c - l) ln(c / l),   c, l: the shares of a bin
/// over ten bins with a tenth of the live version's own scores each, and two more, below and above all of
/// them. The first 500 live scores make the bins. Below 0.1 is little, above 0.25 another distribution, as it
/// is usually read (Siddiqi, Credit Risk Scorecards, 2006). Not for several threads.
class ScoreDistance {
 public:
  static constexpr std::size_t kForBins = 500;

  void add_live(const std::vector<double>& scores);
  void add_candidate(const std::vector<double>& scores);
  /// Of each: those that are in bins.
  std::uint64_t live() const { return live_; }
  std::uint64_t candidate() const { return candidate_; }
  /// Empty before there are bins and scores of both. Half a score is added to each bin, so that an empty one
  /// is not infinitely far.
  std::optional<double> value() const;

  nlohmann::json to_json() const;
  /// Throws nlohmann's exception, or DataError.
  static ScoreDistance from_json(const nlohmann::json& json);

 private:
  struct Bin {
    std::uint64_t live = 0, candidate = 0;
  };
  Bin& bin_of(double score);
  void make_bins();

  std::vector<double> first_live_, first_candidate_;  // until there are bins
  std::vector<double> edges_;                         // ascending; a score is in the bin of those below it
  std::vector<Bin> bins_;                             // one more
  std::uint64_t live_ = 0, candidate_ = 0;
};

}  // namespace ringtrain
