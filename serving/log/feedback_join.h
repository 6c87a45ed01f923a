#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "serving/log/feedback.h"

namespace ringtrain {

/// Finds the rows of a log that feedback belongs to.
class FeedbackJoin {
 public:
  /// A row that was asked: its place among all is the number of calls before.
  void add_row(const std::string& request_id, std::int64_t row, const std::string& key, UtcTime time);

  enum class Fate { joined, early, late, unknown };
  /// Of each row the feedback that counts; null: none. `fates`: of each piece of feedback; what came before
  /// others to the same row is joined, too, and counted in `replaced`. By request_id feedback belongs to that
  /// row of each request with the id; by key to the last row with the key that was asked at its time or
  /// before. Of several to a row the one that was received last counts.
  std::vector<const Feedback*> join(const std::vector<Feedback>& feedback, std::chrono::hours limit,
                                    std::vector<Fate>& fates, std::int64_t& replaced) const;

 private:
  std::vector<std::size_t> rows_of(const Feedback& one, Fate& fate, std::chrono::hours limit) const;

  std::vector<UtcTime> times_;
  std::map<std::pair<std::string, std::int64_t>, std::vector<std::size_t>> by_request_;
  std::map<std::string, std::multimap<UtcTime, std::size_t>> by_key_;
};

}  // namespace ringtrain
