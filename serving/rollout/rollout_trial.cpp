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

void RolloutTrial::Remembered::add(const AskedRequest& request, std::vector<double> decisions) {
  constexpr std::size_t kMostRequests = 100'000, kMostValues = 1'000'000;
  if (decisions.empty() || decisions.size() > kMostValues) return;
  auto& known = by_id_[request.id];
  if (known.decisions.empty()) order_.push_back(request.id);
  values_ += decisions.size() - known.decisions.size();
  known = {std::move(decisions), request.key};
  while (order_.size() > kMostRequests || values_ > kMostValues) {
    const auto oldest = by_id_.find(order_.front());
    values_ -= oldest->second.decisions.size();
    by_id_.erase(oldest);
    order_.pop_front();
  }
}

std::optional<RolloutTrial::Remembered::Decision> RolloutTrial::Remembered::take(const std::string& id,
                                                                                 std::int64_t row) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return std::nullopt;
  auto& [decisions, key] = found->second;
  if (row < 1 || row > static_cast<std::int64_t>(decisions.size())) return std::nullopt;
  const double value =
      std::exchange(decisions[static_cast<std::size_t>(row - 1)], std::numeric_limits<double>::quiet_NaN());
  if (std::isnan(value)) return std::nullopt;
  return Decision{value, key};
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

void RolloutTrial::answered(Side side, const AskedRequest& request, const Predictor::Answers& answers,
                            const std::exception_ptr& error, const AnswerTime& time) {
  const bool is_live = side == Side::live;
  if (error && (is_live || is_canary_) && is_askers_fault(error)) return;
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
  counts.latencies.add(time.whole);
  counts.runs.add(time.run);
  is_live ? progress.distance.add_live(scores) : progress.distance.add_candidate(scores);
  (is_live ? live_ : candidate_).add(request, std::move(decisions));
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

/// Whether what is told of this key is the first; 0 is none.
bool RolloutTrial::counts(std::uint64_t key) {
  constexpr std::size_t kMostKeys = 200'000;
  if (key == 0) return true;
  return told_keys_.size() < kMostKeys && told_keys_.insert(key).second;
}

void RolloutTrial::learn(const Feedback& feedback, const Manifest& manifest) {
  if (feedback.request_id.empty()) return;
  const std::lock_guard lock(mutex_);
  auto& evidence = rollout_.progress.evidence;
  for (const auto side : {Side::live, Side::candidate}) {
    const auto decision = (side == Side::live ? live_ : candidate_).take(feedback.request_id, feedback.row);
    if (!decision) continue;
    const auto loss = loss_of(decision->value, feedback.label, manifest);
    if (!loss || !counts(decision->key)) continue;
    side == Side::live ? evidence.add_live(*loss) : evidence.add_candidate(*loss);
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
