#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>

namespace ringtrain {

/// How long an answer took.
struct AnswerTime {
  double whole = 0;  ///< seconds from the rows to the answer
  double run = 0;    ///< of them the run of the model, without the wait for a thread
};

/// How long answers took: counts of seconds in steps of 2%, from a microsecond on. Not for several threads.
class Latencies {
 public:
  void add(double seconds);
  std::uint64_t count() const { return count_; }
  /// The time that this share of the answers took at most, to 2%; 0 without any.
  double quantile(double share) const;
  /// How many took longer, to 2%.
  std::uint64_t above(double seconds) const;

  /// [[step, count], …]
  nlohmann::json to_json() const;
  /// Throws nlohmann's exception, or DataError.
  static Latencies from_json(const nlohmann::json& json);

 private:
  std::map<int, std::uint64_t> counts_;  // by step
  std::uint64_t count_ = 0;
};

}  // namespace ringtrain
