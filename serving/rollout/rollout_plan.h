#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ringtrain {

/// A part of a plan: a share of the traffic, and how long it lasts.
struct RolloutStage {
  double share = 0;    ///< above 0, at most 1
  double seconds = 0;  ///< 0 of the last one: it ends as it begins
  bool operator==(const RolloutStage&) const = default;
};

/// Reads "5% 10m, 25% 30m, 100%": shares that grow to 100%, each with a time in s, m, h or d; the last one's
/// may be left out. Throws ConfigError with all that is wrong.
std::vector<RolloutStage> parse_plan(std::string_view text);
/// The other way.
std::string plan_text(const std::vector<RolloutStage>& plan);

/// "2.5%" or "0.025" as 0.025. Throws ConfigError unless it is above 0 and at most 1; `field` says what it is
/// of.
double parse_share(std::string_view text, std::string_view field);
/// "2.5%".
std::string percent_text(double share);

/// Where a key stands among all keys, in [0, 1): those below a share are the candidate's. So what is below 5%
/// is below 25%, and no key goes back. `salt`: another order for each rollout.
double side_point(std::string_view salt, std::string_view key);

/// When rules count, and when they end a rollout.
struct RolloutRules {
  double errors = 0.01;             ///< share of the candidate's answers that failed
  double p99 = 2;                   ///< times the live version's latency of which 99% are below
  double distance = 0.25;           ///< of the scores (ScoreDistance)
  double alarms = 0.01;             ///< of false alarms about feedback, over a whole plan (WorseEvidence)
  std::int64_t min_requests = 200;  ///< of each side, of a stage, before it ends and before the rules count
  bool operator==(const RolloutRules&) const = default;
};

}  // namespace ringtrain
