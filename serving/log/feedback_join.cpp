#include "serving/log/feedback_join.h"

#include <iterator>

namespace ringtrain {

void FeedbackJoin::add_row(const std::string& request_id, std::int64_t row, const std::string& key,
                           UtcTime time) {
  const auto place = times_.size();
  times_.push_back(time);
  by_request_[{request_id, row}].push_back(place);
  if (!key.empty()) by_key_[key].emplace(time, place);
}

/// The rows that it belongs to, in time; `fate` says why there is none.
std::vector<std::size_t> FeedbackJoin::rows_of(const Feedback& one, Fate& fate,
                                               std::chrono::hours limit) const {
  std::vector<std::size_t> candidates;
  fate = Fate::unknown;
  if (one.key.empty()) {
    const auto found = by_request_.find({one.request_id, one.row});
    if (found == by_request_.end()) return {};
    candidates = found->second;
  } else {
    const auto found = by_key_.find(one.key);
    if (found == by_key_.end()) return {};
    const auto after = found->second.upper_bound(one.time);
    candidates.push_back((after == found->second.begin() ? after : std::prev(after))->second);
  }
  std::vector<std::size_t> rows;
  for (const auto place : candidates) {
    if (one.time < times_[place])
      fate = Fate::early;
    else if (one.time - times_[place] > limit)
      fate = Fate::late;
    else
      rows.push_back(place);
  }
  if (!rows.empty()) fate = Fate::joined;
  return rows;
}

std::vector<const Feedback*> FeedbackJoin::join(const std::vector<Feedback>& feedback,
                                                std::chrono::hours limit, std::vector<Fate>& fates,
                                                std::int64_t& replaced) const {
  std::vector<const Feedback*> of_row(times_.size(), nullptr);
  fates.assign(feedback.size(), Fate::unknown);
  replaced = 0;
  for (std::size_t i = 0; i < feedback.size(); ++i)
    for (const auto place : rows_of(feedback[i], fates[i], limit)) {
      auto*& counts = of_row[place];
      if (counts) ++replaced;
      if (!counts || counts->received <= feedback[i].received) counts = &feedback[i];
    }
  return of_row;
}

}  // namespace ringtrain
