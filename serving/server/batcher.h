#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "serving/predict/predictor.h"

namespace ringtrain {

/// Thrown where more rows wait than may.
struct Overloaded : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Answers the rows of requests that wait at the same time in one run of the model ("dynamic batching").
/// Without a delay a request never waits for others that may come: what arrives while the model runs is
/// gathered for the next run. A model whose runs take long gets more threads instead (`slow_run`).
class Batcher : public std::enable_shared_from_this<Batcher> {
 public:
  struct Options {
    std::int64_t most_rows = 64;               ///< of one run; a request with more rows runs by itself
    std::chrono::microseconds delay{0};        ///< how long a request may wait for others
    std::int64_t most_waiting_rows = 100'000;  ///< beyond that: Overloaded
    int threads = 1;                           ///< runs at a time
    std::chrono::microseconds slow_run{2000};
  };
  using Run = std::function<Predictor::Answers(const Predictor::Rows&)>;
  /// Called on a thread of the pool; `error` is set or `answers` has the request's rows.
  using Done = std::function<void(Predictor::Answers answers, std::exception_ptr error)>;
  /// Told of each run: its rows, its requests, its seconds.
  using Observe = std::function<void(std::int64_t rows, std::int64_t requests, double seconds)>;

  Batcher(boost::asio::thread_pool& pool, Options options, Run run, Observe observe);

  /// Throws Overloaded. `rows` is not empty.
  void submit(Predictor::Rows rows, Done done);
  std::int64_t waiting_rows() const;
  /// Within Done: how long the run took that answered it, without the wait for a thread.
  static double run_seconds();

 private:
  using Clock = std::chrono::steady_clock;
  struct Request {
    Predictor::Rows rows;
    std::int64_t count = 0;
    Done done;
    Clock::time_point since;
  };

  void start_runs(std::unique_lock<std::mutex>& lock);
  bool due() const;
  void arm_timer();
  void run_all();
  std::vector<Request> take();
  void answer(std::vector<Request> requests);
  void answer_one(Request& request);

  boost::asio::thread_pool& pool_;
  const Options options_;
  const Run run_;
  const Observe observe_;
  mutable std::mutex mutex_;
  boost::asio::steady_timer timer_;
  bool timer_armed_ = false;
  std::deque<Request> waiting_;
  std::int64_t waiting_rows_ = 0;
  int active_ = 0;
  double usual_seconds_ = 0;  ///< of a run, a moving average
};

}  // namespace ringtrain
