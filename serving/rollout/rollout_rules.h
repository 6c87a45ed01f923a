#pragma once

#include <optional>
#include <string>

#include "serving/rollout/rollout.h"

namespace ringtrain {

/// Why a canary is rolled back: a rule, and its numbers.
struct BrokenRule {
  std::string rule;  ///< "errors", "p99", "distance", "feedback"
  std::string reason;
};

/// The first rule that a canary breaks:
/// - errors: more of its answers of the stage failed than `errors`, and than of the live version's;
/// - p99: clearly more than 1% of its answers of the stage took longer than `p99` times what 99% of the live
///   version's took (by three standard deviations of such a count, so that few slow answers say nothing). Up
///   to a share of 50% the same of the runs of the models: a slow candidate makes the live version wait for
///   threads as well; beyond, its runs may be longer because they have more rows;
/// - distance: the scores of the plan are farther apart than `distance`;
/// - feedback: the p value of WorseEvidence is at most `alarms`.
/// The first three count after `min_requests` of the stage; the two between sides after as many of both.
std::optional<BrokenRule> broken_rule(const Rollout& rollout);

/// Whether the stage has had its time and its requests.
bool stage_is_over(const Rollout& rollout);

/// The next stage begins. There is one.
void begin_next_stage(Rollout& rollout);

}  // namespace ringtrain
