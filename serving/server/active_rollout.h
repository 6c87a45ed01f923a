#pragma once

#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "common/descriptor.h"
#include "serving/rollout/rollout_trial.h"
#include "serving/server/served_models.h"
#include "serving/server/shadow_runner.h"

namespace ringtrain {

/// Where requests for a live version go while another one is tried.
struct RolloutRoute {
  std::shared_ptr<RolloutTrial> trial;
  std::int64_t live = 0;
  ServedModels::Loaded candidate;
  std::shared_ptr<ShadowRunner> shadow;  ///< null of a canary
};

/// A model's rollout while a server follows it. One server at a time keeps its progress and decides: the one
/// that holds BASE/NAME/.rollout.lock; others divide requests as the file says.
class ActiveRollout {
 public:
  ActiveRollout(ServedModels& models, std::string name, std::filesystem::path folder, Rollout rollout,
                boost::asio::thread_pool& shadow_pool);
  ~ActiveRollout();
  ActiveRollout(const ActiveRollout&) = delete;
  ActiveRollout& operator=(const ActiveRollout&) = delete;

  /// Looks at the versions and the numbers, and does what is due. False: it is over. Throws Error where a
  /// file cannot be written, or read; it is to be called again.
  bool step();
  /// Null while the version is not loaded.
  std::shared_ptr<const RolloutRoute> route() const { return route_; }
  /// Writes the progress, where this server keeps it.
  void save();

 private:
  using Clock = std::chrono::steady_clock;
  void take_lead();
  void follow();
  std::optional<Rollout::Ending> reason_to_end(const LoadedVersion* live) const;
  bool set_route(ServedModels::Loaded candidate);
  void close_route();
  bool advance(double seconds);
  bool end(const Rollout::Ending& ending);
  bool finish();

  ServedModels& models_;
  const std::string name_;
  const std::filesystem::path folder_;
  boost::asio::thread_pool& shadow_pool_;
  const std::shared_ptr<RolloutTrial> trial_;
  const std::int64_t version_, live_;
  Descriptor lead_;
  std::shared_ptr<const RolloutRoute> route_;
  Clock::time_point last_ = Clock::now(), saved_ = last_;
  std::optional<Clock::time_point> over_at_;
};

}  // namespace ringtrain
