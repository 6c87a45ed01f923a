#include "serving/rollout/rollout_trial.h"

#include <cmath>
#include <exception>
#include <limits>

#include "common/errors.h"
#include "serving/rollout/answer_comparison.h"

namespace ringtrain {
namespace {

bool is_askers_fault(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const DataError&) {
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace

void RolloutTrial::Remembered::add(const std::string& id, std::vector<double> decisions) {
  constexpr std::size_t kMostRequests = 100'000, kMostValues = 1'000'000;
  if (decisions.empty() || decisions.size() > kMostValues) return;
  auto& known = by_id_[id];
  if (known.empty()) order_.push_back(id);
  values_ += decisions.size() - known.size();
  known = std::move(decisions);
  while (order_.size() > kMostRequests || values_ > kMostValues) {
    const auto oldest = by_id_.find(order_.front());
    values_ -= oldest->second.size();
    by_id_.erase(oldest);
    order_.pop_front();
  }
}

double RolloutTrial::Remembered::take(const std::string& id, std::int64_t row) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const auto found = by_id_.find(id);
  if (found == by_id_.end() || row < 1 || row > static_cast<std::int64_t>(found->second.size())) return kNone;
  return std::exchange(found->second[static_cast<std::size_t>(row - 1)], kNone);
}

RolloutTrial::RolloutTrial(Rollout rollout)
    : id_(rollout.id),
      key_(rollout.key),
      is_canary_(rollout.is_canary()),
      rollout_(std::move(rollout)),
      share_(rollout_.share()) {}

RolloutTrial::Side RolloutTrial::side_of(const std::string& key, const std::string& request_id) {
  if (!is_canary_) return Side::live;
  if (!key_.empty() && key.empty()) {
    const std::lock_guard lock(mutex_);
    ++rollout_.progress.without_key;
  }
  return side_point(id_, key.empty() ? request_id : key) < share_ ? Side::candidate : Side::live;
}

void RolloutTrial::answered(Side side, const std::string& request_id, const Predictor::Answers& answers,
                            const std::exception_ptr& error, double seconds) {
  if (error && is_askers_fault(error)) return;
  const bool is_live = side == Side::live;
  const auto scores = scores_in(answers);
  auto decisions = decisions_in(answers);
  const std::lock_guard lock(mutex_);
  auto& progress = rollout_.progress;
  auto& counts = is_live ? progress.live : progress.candidate;
  auto& total = is_live ? progress.live_total : progress.candidate_total;
  ++counts.requests;
  ++total.requests;
  if (error) {
    ++counts.failed;
    ++total.failed;
    return;
  }
  counts.latencies.add(seconds);
  is_live ? progress.distance.add_live(scores) : progress.distance.add_candidate(scores);
  (is_live ? live_ : candidate_).add(request_id, std::move(decisions));
}

void RolloutTrial::compare(const Predictor::Answers& live, const Predictor::Answers& candidate) {
  const auto comparison = compare_answers(live, candidate);
  const std::lock_guard lock(mutex_);
  auto& progress = rollout_.progress;
  progress.compared += comparison.rows;
  progress.agreed += comparison.agreed;
  progress.of_values = comparison.of_values;
  progress.difference_sum += comparison.difference_sum;
}

void RolloutTrial::drop() {
  const std::lock_guard lock(mutex_);
  ++rollout_.progress.dropped;
}

void RolloutTrial::learn(const Feedback& feedback, const Manifest& manifest) {
  if (feedback.request_id.empty()) return;
  const std::lock_guard lock(mutex_);
  auto& evidence = rollout_.progress.evidence;
  for (const auto side : {Side::live, Side::candidate}) {
    const double decision = (side == Side::live ? live_ : candidate_).take(feedback.request_id, feedback.row);
    if (std::isnan(decision)) continue;
    const auto loss = loss_of(decision, feedback.label, manifest);
    if (loss) side == Side::live ? evidence.add_live(*loss) : evidence.add_candidate(*loss);
  }
}

Rollout RolloutTrial::snapshot() const {
  const std::lock_guard lock(mutex_);
  return rollout_;
}

void RolloutTrial::change(const std::function<void(Rollout&)>& by) {
  const std::lock_guard lock(mutex_);
  by(rollout_);
  share_ = rollout_.share();
}

}  // namespace ringtrain
