#pragma once

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <mutex>
#include <string>

#include "serving/rollout/rollout_trial.h"
#include "serving/server/served_models.h"

namespace ringtrain {

/// Gives a shadow copies of rows that the live version has answered, on threads of its own. At most 1,000
/// rows and 64 MiB wait; what comes beyond is dropped and counted. For several threads.
class ShadowRunner : public std::enable_shared_from_this<ShadowRunner> {
 public:
  ShadowRunner(boost::asio::thread_pool& pool, ServedModels::Loaded candidate,
               std::shared_ptr<RolloutTrial> trial);
  void run(Predictor::Rows rows, Predictor::Answers live, const std::string& request_id);
  /// Before the pool goes: what comes later is passed over.
  void close();

 private:
  const ServedModels::Loaded candidate_;
  const std::shared_ptr<RolloutTrial> trial_;
  std::atomic<std::size_t> bytes_{0};  // that wait
  std::mutex mutex_;
  std::shared_ptr<Batcher> batcher_;
};

}  // namespace ringtrain
