#pragma once

#include <exception>
#include <functional>

#include "serving/predict/predictor.h"
#include "serving/rollout/latencies.h"

namespace ringtrain {

/// Is told what a request was answered. For several threads.
class RequestWatch {
 public:
  virtual ~RequestWatch() = default;
  /// Called once, after the client has the answer; `error` is null where there is one.
  using Told = std::function<void(const Predictor::Answers& answers, const std::exception_ptr& error,
                                  const AnswerTime& time)>;
  /// Rows are about to be answered; those of a request may come in parts.
  virtual Told begin(const Predictor::Rows& rows) = 0;
};

/// `done` of the rows, which tells the watch as well. Rows that are let go without an answer, because too
/// many wait, have failed. `run_seconds` says within `done` how long the run took.
std::function<void(Predictor::Answers, std::exception_ptr)> watched(
    RequestWatch& watch, const Predictor::Rows& rows, double (*run_seconds)(),
    std::function<void(Predictor::Answers, std::exception_ptr)> done);

}  // namespace ringtrain
