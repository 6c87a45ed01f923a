#include "launch/gate.h"

#include <cmath>
#include <utility>

namespace ringtrain {

GateDecision pass_gate(const Compared& before, const Compared& after, const TaskKind& kind,
                       const std::string& metric, double margin, std::int64_t resamples, std::uint64_t seed) {
  GateDecision decision;
  decision.metric = metric;
  decision.rows = static_cast<std::int64_t>(after.answers.answers.rows.size());
  decision.margin = margin;
  decision.before = judge_answers(before.answers, before.manifest).get(metric);
  decision.after = judge_answers(after.answers, after.manifest).get(metric);
  const double sign = larger_is_better(kind, metric) ? 1 : -1;
  if (resamples > 0) {
    const auto intervals = bootstrap(after, &before, resamples, seed);
    if (const auto found = intervals.find(metric); found != intervals.end())
      decision.interval = found->second;
    if (sign < 0) decision.interval = {-decision.interval.high, -decision.interval.low};
  }
  decision.gain = sign * (decision.after - decision.before);
  decision.promoted = std::isfinite(decision.gain) && decision.gain > 0 && decision.gain >= margin;
  decision.why = !std::isfinite(decision.gain) ? "the metric is not defined on these rows"
                 : decision.promoted           ? "it is better by at least the margin"
                 : decision.gain > 0           ? "it is better, but by less than the margin"
                                               : "it is not better";
  return decision;
}

void GateDecision::hold_to(BehaviourResults results) {
  tests = std::move(results);
  if (all_passed(tests)) return;
  if (promoted) why = "it is better, but fails " + failed_tests(tests);
  promoted = false;
}

}  // namespace ringtrain
