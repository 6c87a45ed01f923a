#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "serving/log/feedback.h"
#include "serving/predict/predictor.h"
#include "serving/rollout/rollout.h"

namespace ringtrain {

/// Of a request, for what is told of it later.
struct AskedRequest {
  std::string id;
  std::uint64_t key = 0;  ///< the hash of its key; 0: it has none
};

/// A rollout while a server serves it: which side a request is of, and what both sides answered. For several
/// threads.
class RolloutTrial {
 public:
  enum class Side { live, candidate };
  explicit RolloutTrial(Rollout rollout);

  const std::string& id() const { return id_; }
  bool is_canary() const { return is_canary_; }
  /// The field of a request that chooses its side; empty: its id does.
  const std::string& key() const { return key_; }
  /// Of a canary: a request without a key is chosen by its id. The others are all the live version's.
  Side side_of(const std::string& key, const std::string& request_id);

  /// A request was answered; `error` is null where it was. What the client asked wrongly (DataError) is no
  /// failure, and not counted; but a shadow is given only what the live version could answer.
  void answered(Side side, const AskedRequest& request, const Predictor::Answers& answers,
                const std::exception_ptr& error, const AnswerTime& time);
  /// Both versions answered the same rows.
  void compare(const Predictor::Answers& live, const Predictor::Answers& candidate);
  void drop();
  /// The truth about a row of the last 100,000 requests of a side, by the request's id; others are passed
  /// over, and so is what is said twice. Of requests with one key the first truth alone counts, of up to
  /// 200,000 keys: keys are dealt to the sides, and rows of one key may be alike.
  void learn(const Feedback& feedback, const Manifest& manifest);

  Rollout snapshot() const;
  /// Changes it while nobody else does.
  void change(const std::function<void(Rollout&)>& by);

 private:
  /// The decisions of requests, by their ids; the oldest go.
  class Remembered {
   public:
    void add(const AskedRequest& request, std::vector<double> decisions);
    struct Decision {
      double value;
      std::uint64_t key;
    };
    /// Of a row, from 1; none: it is not known, or was asked for before.
    std::optional<Decision> take(const std::string& id, std::int64_t row);

   private:
    struct Request {
      std::vector<double> decisions;
      std::uint64_t key = 0;
    };
    std::unordered_map<std::string, Request> by_id_;
    std::deque<std::string> order_;
    std::size_t values_ = 0;
  };

  bool counts(std::uint64_t key);

  const std::string id_, key_;
  const bool is_canary_;
  mutable std::mutex mutex_;
  Rollout rollout_;
  std::atomic<double> share_;
  Remembered live_, candidate_;
  std::unordered_set<std::uint64_t> told_keys_;
};

}  // namespace ringtrain
