#include "launch/jobs/halving.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ringtrain {

Halving::Halving(std::size_t trials, std::size_t rungs, std::size_t eta)
    : trials_(trials), eta_(eta), rungs_(rungs) {}

/// Whether attempts of this rung are still to end or to come.
bool Halving::awaits_more(std::size_t rung) const {
  if (begun_ < trials_) return true;
  for (std::size_t r = 0; r <= rung; ++r)
    if (!rungs_[r].under_way.empty()) return true;
  for (std::size_t r = 0; r < rung; ++r)
    if (to_go_on(r)) return true;
  return false;
}

std::optional<std::size_t> Halving::to_go_on(std::size_t rung) const {
  const auto& here = rungs_[rung];
  std::vector<std::pair<double, std::size_t>> order;
  for (const auto& [trial, loss] : here.losses)
    if (std::isfinite(loss)) order.emplace_back(loss, trial);
  std::sort(order.begin(), order.end());
  auto best = here.losses.size() / eta_;
  if (best == 0 && !awaits_more(rung)) best = 1;
  for (std::size_t i = 0; i < std::min(best, order.size()); ++i)
    if (std::find(here.gone_on.begin(), here.gone_on.end(), order[i].second) == here.gone_on.end())
      return order[i].second;
  return std::nullopt;
}

std::optional<RungTrial> Halving::next() {
  for (std::size_t rung = rungs_.size() - 1; rung-- > 0;)
    if (const auto trial = to_go_on(rung)) {
      const RungTrial attempt{*trial, rung + 1};
      begun(attempt);
      return attempt;
    }
  if (begun_ == trials_) return std::nullopt;
  const RungTrial attempt{begun_, 0};
  begun(attempt);
  return attempt;
}

void Halving::begun(const RungTrial& attempt) {
  rungs_[attempt.rung].under_way.push_back(attempt.trial);
  if (attempt.rung == 0)
    begun_ = std::max(begun_, attempt.trial + 1);
  else
    rungs_[attempt.rung - 1].gone_on.push_back(attempt.trial);
}

void Halving::ended(const RungTrial& attempt, double loss) {
  auto& here = rungs_[attempt.rung];
  std::erase(here.under_way, attempt.trial);
  here.losses[attempt.trial] = loss;
}

std::vector<std::int64_t> rung_epochs(std::int64_t most, std::int64_t least, std::int64_t eta) {
  std::vector<std::int64_t> rungs;
  for (auto epochs = most; epochs >= least; epochs /= eta) rungs.insert(rungs.begin(), epochs);
  if (rungs.empty()) rungs.push_back(most);
  return rungs;
}

}  // namespace ringtrain
