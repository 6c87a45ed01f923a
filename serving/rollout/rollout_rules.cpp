#include "serving/rollout/rollout_rules.h"

#include <fmt/format.h>

#include <cmath>

#include "common/text.h"

namespace ringtrain {
namespace {

std::optional<BrokenRule> broken_errors(const Rollout& rollout) {
  const auto& live = rollout.progress.live;
  const auto& candidate = rollout.progress.candidate;
  const double share = candidate.failed_share();
  if (share <= rollout.rules.errors || share <= live.failed_share()) return std::nullopt;
  return BrokenRule{"errors", fmt::format("{} of {} answers of version {} failed, {}; the bound is {}",
                                          candidate.failed, candidate.requests, rollout.version,
                                          percent_text(share), percent_text(rollout.rules.errors))};
}

std::optional<BrokenRule> broken_p99(const Rollout& rollout, Latencies SideCounts::*times, const char* what) {
  const auto& candidate = rollout.progress.candidate.*times;
  const double bound = rollout.rules.p99 * (rollout.progress.live.*times).quantile(0.99);
  const auto count = static_cast<double>(candidate.count());
  constexpr double kShare = 0.01, kDeviations = 3;
  const double usual = count * kShare + kDeviations * std::sqrt(count * kShare * (1 - kShare));
  const double slow = candidate.quantile(0.99);
  if (slow <= bound || static_cast<double>(candidate.above(bound)) <= usual) return std::nullopt;
  return BrokenRule{
      "p99", fmt::format("99% of the {} of version {} took up to {}, those of version {} up to {}; the "
                         "bound is {} times as long",
                         what, rollout.version, human_seconds(slow), rollout.live,
                         human_seconds(bound / rollout.rules.p99), rollout.rules.p99)};
}

std::optional<BrokenRule> broken_distance(const Rollout& rollout) {
  const auto& distance = rollout.progress.distance;
  const auto most = static_cast<std::uint64_t>(rollout.rules.min_requests);
  const auto value = distance.value();
  if (!value || distance.live() < most || distance.candidate() < most || *value <= rollout.rules.distance)
    return std::nullopt;
  return BrokenRule{
      "distance",
      fmt::format("the scores of version {} are {:.3f} from those of version {} (PSI); the bound is {}",
                  rollout.version, *value, rollout.live, rollout.rules.distance)};
}

std::optional<BrokenRule> broken_feedback(const Rollout& rollout) {
  const auto& evidence = rollout.progress.evidence;
  if (evidence.p_value() > rollout.rules.alarms) return std::nullopt;
  return BrokenRule{
      "feedback",
      fmt::format("by feedback version {} is worse: mean loss {:.4g}, of version {} {:.4g}; p value {:.2g} "
                  "after {} comparisons, the bound is {}",
                  rollout.version, evidence.mean_candidate(), rollout.live, evidence.mean_live(),
                  evidence.p_value(), evidence.count(), rollout.rules.alarms)};
}

bool has_enough(const Rollout& rollout, const SideCounts& side) {
  return side.requests >= static_cast<std::uint64_t>(rollout.rules.min_requests);
}

}  // namespace

std::optional<BrokenRule> broken_rule(const Rollout& rollout) {
  const bool candidate = has_enough(rollout, rollout.progress.candidate);
  const bool both = candidate && has_enough(rollout, rollout.progress.live);
  std::optional<BrokenRule> broken;
  if (candidate) broken = broken_errors(rollout);
  if (!broken && both) broken = broken_p99(rollout, &SideCounts::latencies, "answers");
  if (!broken && both && rollout.share() <= 0.5) broken = broken_p99(rollout, &SideCounts::runs, "runs");
  if (!broken && both) broken = broken_distance(rollout);
  if (!broken) broken = broken_feedback(rollout);
  return broken;
}

bool stage_is_over(const Rollout& rollout) {
  const auto& stage = rollout.plan.at(rollout.progress.stage);
  if (rollout.progress.seconds < stage.seconds) return false;
  // The last one may have no time: then the version is live as the stage begins.
  return stage.seconds == 0 || has_enough(rollout, rollout.progress.candidate);
}

void begin_next_stage(Rollout& rollout) {
  auto& progress = rollout.progress;
  ++progress.stage;
  progress.seconds = 0;
  progress.candidate = {};
  if (rollout.share() < 1) progress.live = {};
}

}  // namespace ringtrain
