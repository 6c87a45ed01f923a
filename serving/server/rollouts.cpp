#include "serving/server/rollouts.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "common/errors.h"
#include "common/hash.h"
#include "common/log.h"
#include "serving/rollout/decisions.h"
#include "serving/rollout/request_watch.h"
#include "serving/rollout/rollout_text.h"

namespace ringtrain {
namespace {

constexpr std::chrono::milliseconds kStep{100};
constexpr int kNiceness = 10;  // of shadows: who answers clients comes first

/// Counts what one side of a canary answered.
class SideWatch : public RequestWatch {
 public:
  SideWatch(std::shared_ptr<RolloutTrial> trial, RolloutTrial::Side side, AskedRequest request)
      : trial_(std::move(trial)), side_(side), request_(std::move(request)) {}
  Told begin(const Predictor::Rows&) override {
    return [trial = trial_, side = side_, request = request_](
               const Predictor::Answers& answers, const std::exception_ptr& error, const AnswerTime& time) {
      trial->answered(side, request, answers, error, time);
    };
  }

 private:
  const std::shared_ptr<RolloutTrial> trial_;
  const RolloutTrial::Side side_;
  const AskedRequest request_;
};

/// Counts what the live version answered, and gives the rows to the shadow.
class ShadowWatch : public RequestWatch {
 public:
  ShadowWatch(std::shared_ptr<const RolloutRoute> route, std::string id)
      : route_(std::move(route)), id_(std::move(id)) {}
  Told begin(const Predictor::Rows& rows) override {
    return [route = route_, id = id_, rows](const Predictor::Answers& answers,
                                            const std::exception_ptr& error, const AnswerTime& time) {
      route->trial->answered(RolloutTrial::Side::live, {id}, answers, error, time);
      if (!error) route->shadow->run(rows, answers, id);
    };
  }

 private:
  const std::shared_ptr<const RolloutRoute> route_;
  const std::string id_;
};

}  // namespace

Rollouts::Rollouts(ServedModels& models, std::chrono::milliseconds look) : models_(models), look_(look) {
  boost::asio::post(shadow_pool_, [] {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNiceness);  // of this thread alone
    at::init_num_threads();  // of OpenMP: else this thread would start helpers, and wait for them
  });
  look_for_new();  // before the first request: one that was under way goes on with it
  step_all();
  publish();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Rollouts::~Rollouts() {
  thread_.request_stop();
  thread_.join();
  {
    const std::lock_guard lock(mutex_);
    routes_ = std::make_shared<const Routes>();
  }
  for (const auto& [name, one] : active_) try {
      one->save();
    } catch (const std::exception& error) {
      log::error(error.what());
    }
  active_.clear();
  shadow_pool_.stop();
  shadow_pool_.join();
}

void Rollouts::run(const std::stop_token& stop) {
  auto looked = std::chrono::steady_clock::time_point();
  while (!stop.stop_requested()) {
    const auto now = std::chrono::steady_clock::now();
    if (now - looked >= look_) {
      looked = now;
      look_for_new();
    }
    step_all();
    publish();
    std::unique_lock lock(waiting_);
    wake_.wait_for(lock, stop, kStep, [] { return false; });
  }
}

void Rollouts::complain(const std::string& name, const std::string& problem) {
  auto& before = problems_[name];
  if (!problem.empty() && problem != before) log::error(fmt::format("model {}: {}", name, problem));
  before = problem;
}

void Rollouts::look_for_new() {
  for (const auto& name : models_.names()) {
    const auto folder = models_.folder_of(name);
    if (active_.contains(name)) continue;
    try {
      auto rollout = Rollout::read(folder);
      auto keys = keys_of_canaries(folder);
      if (rollout && !rollout->key.empty()) keys.insert(rollout->key);
      if (!keys.empty()) keys_[name] = std::move(keys);
      if (rollout)
        active_.emplace(
            name, std::make_unique<ActiveRollout>(models_, name, folder, std::move(*rollout), shadow_pool_));
      complain(name, "");
    } catch (const std::exception& error) {
      complain(name, error.what());
    }
  }
}

void Rollouts::step_all() {
  for (auto one = active_.begin(); one != active_.end();) {
    bool goes_on = true;
    try {
      goes_on = one->second->step();
      complain(one->first, "");
    } catch (const std::exception& error) {
      complain(one->first, error.what());
    }
    one = goes_on ? std::next(one) : active_.erase(one);
  }
}

void Rollouts::publish() {
  Routes routes;
  for (const auto& [name, one] : active_)
    if (auto route = one->route()) routes.by_model[name] = std::move(route);
  routes.keys = keys_;
  const bool any = !routes.by_model.empty() || !routes.keys.empty();
  const auto fresh = std::make_shared<const Routes>(std::move(routes));
  const std::lock_guard lock(mutex_);
  routes_ = fresh;
  any_ = any;
}

std::shared_ptr<const Rollouts::Routes> Rollouts::routes() const {
  const std::lock_guard lock(mutex_);
  return routes_;
}

ServedModels::Loaded Rollouts::side_of(const ServedModels::Loaded& version, RequestContext& request,
                                       const KeyOf& key) const {
  if (!any_) return version;
  const auto routes = this->routes();
  const auto found = routes->by_model.find(version->model);
  const auto route = found == routes->by_model.end() ? nullptr : found->second;
  const auto column = route ? route->trial->key() : "";
  std::string value;
  if (const auto keys = routes->keys.find(version->model); keys != routes->keys.end())
    for (const auto& one : keys->second) {
      auto given = key(one);
      if (one == column) value = std::move(given);
    }
  if (!route || request.names_version || route->live != version->number) return version;
  if (route->shadow) {
    request.watch = std::make_shared<ShadowWatch>(route, request.id);
    return version;
  }
  const auto side = route->trial->side_of(value, request.id);
  const auto hash = value.empty() ? 0 : std::max<std::uint64_t>(hash_bytes(value), 1);
  request.watch = std::make_shared<SideWatch>(route->trial, side, AskedRequest{request.id, hash});
  return side == RolloutTrial::Side::candidate ? route->candidate : version;
}

void Rollouts::learn(const Feedback& feedback) const {
  const auto routes = this->routes();
  if (const auto found = routes->by_model.find(feedback.model); found != routes->by_model.end())
    found->second->trial->learn(feedback, found->second->candidate->predictor->manifest());
}

nlohmann::ordered_json Rollouts::to_json() const {
  auto json = nlohmann::ordered_json::object();
  const auto routes = this->routes();  // held meanwhile
  for (const auto& [name, route] : routes->by_model) json[name] = summary_of(route->trial->snapshot());
  return json;
}

std::string Rollouts::metrics_text() const {
  std::vector<std::pair<std::string, Rollout>> list;
  const auto routes = this->routes();
  for (const auto& [name, route] : routes->by_model) list.emplace_back(name, route->trial->snapshot());
  return rollout_metrics(list);
}

nlohmann::ordered_json tried_beside(const ServedModels& models) {
  return models.rollouts() ? models.rollouts()->to_json() : nlohmann::ordered_json::object();
}

std::string rollout_metrics_of(const ServedModels& models) {
  return models.rollouts() ? models.rollouts()->metrics_text() : "";
}

bool names_version(const ServedModels::Which& which) {
  const auto* label = std::get_if<std::string>(&which);
  return label ? *label != "live" : std::holds_alternative<std::int64_t>(which);
}

ServedModels::Loaded side_of(const ServedModels& models, const ServedModels::Loaded& version,
                             RequestContext& request, const Rollouts::KeyOf& key) {
  if (!models.rollouts()) return version;
  return models.rollouts()->side_of(version, request, key);
}

}  // namespace ringtrain
