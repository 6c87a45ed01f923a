#pragma once

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "serving/log/feedback.h"
#include "serving/server/active_rollout.h"
#include "serving/server/request_context.h"
#include "serving/server/served_models.h"

namespace ringtrain {

/// The rollouts of all models: follows their files (serving/rollout/rollout.h) on a thread of its own, and
/// divides or copies the requests for their live versions. For several threads.
class Rollouts {
 public:
  /// `look`: how often new ones are looked for. `models` outlives it, and has been scanned: those that are
  /// under way divide the first request too.
  Rollouts(ServedModels& models, std::chrono::milliseconds look);
  /// Writes the progress.
  ~Rollouts();
  Rollouts(const Rollouts&) = delete;
  Rollouts& operator=(const Rollouts&) = delete;

  /// The first row's value of a field of the request; "": it has none.
  using KeyOf = std::function<std::string(const std::string& column)>;
  /// Who answers a request that found `version`; notes in it who is told of the answer. `key` takes the field
  /// away where the version does not know it.
  ServedModels::Loaded side_of(const ServedModels::Loaded& version, RequestContext& request,
                               const KeyOf& key) const;
  /// What came to be known of rows that were answered.
  void learn(const Feedback& feedback) const;
  /// {"NAME": summary_of, …}
  nlohmann::ordered_json to_json() const;
  /// For /metrics.
  std::string metrics_text() const;

 private:
  struct Routes {
    std::map<std::string, std::shared_ptr<const RolloutRoute>> by_model;
    /// The fields that canaries of a model were divided by. They are taken away also after it: clients go on
    /// sending them.
    std::map<std::string, std::set<std::string>> keys;
  };
  std::shared_ptr<const Routes> routes() const;
  void run(const std::stop_token& stop);
  void look_for_new();
  void step_all();
  void publish();
  void complain(const std::string& name, const std::string& problem);

  ServedModels& models_;
  const std::chrono::milliseconds look_;
  boost::asio::thread_pool shadow_pool_{1};
  std::map<std::string, std::unique_ptr<ActiveRollout>> active_;  // of the thread
  std::map<std::string, std::string> problems_;                   // of the thread, by model
  std::map<std::string, std::set<std::string>> keys_;             // of the thread, by model
  mutable std::mutex mutex_;
  std::shared_ptr<const Routes> routes_ = std::make_shared<const Routes>();
  std::atomic<bool> any_{
      false};  ///< whether there is a route or a key: without them no request takes the lock
  std::mutex waiting_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: it begins when the rest is there
};

/// What `rollouts` says of all models, and its metrics; nothing where there are none.
nlohmann::ordered_json tried_beside(const ServedModels& models);
std::string rollout_metrics_of(const ServedModels& models);

/// Whether a request asks for a certain version, and not for the live one.
bool names_version(const ServedModels::Which& which);

/// Who answers a request that found `version`: another one where it is tried on a share of the requests.
ServedModels::Loaded side_of(const ServedModels& models, const ServedModels::Loaded& version,
                             RequestContext& request, const Rollouts::KeyOf& key);

}  // namespace ringtrain
