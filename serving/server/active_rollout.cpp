#include "serving/server/active_rollout.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "common/errors.h"
#include "common/log.h"
#include "common/text.h"
#include "serving/repository/version_changes.h"
#include "serving/rollout/decisions.h"
#include "serving/rollout/rollout_changes.h"
#include "serving/rollout/rollout_rules.h"
#include "serving/rollout/same_ports.h"
#include "serving/server/warm_up.h"

namespace ringtrain {
namespace fs = std::filesystem;

static constexpr std::chrono::seconds kSaveEvery{2};

ActiveRollout::ActiveRollout(ServedModels& models, std::string name, fs::path folder, Rollout rollout,
                             boost::asio::thread_pool& shadow_pool)
    : models_(models),
      name_(std::move(name)),
      folder_(std::move(folder)),
      shadow_pool_(shadow_pool),
      trial_(std::make_shared<RolloutTrial>(rollout)),
      version_(rollout.version),
      live_(rollout.live) {}

ActiveRollout::~ActiveRollout() { close_route(); }

void ActiveRollout::close_route() {
  if (route_ && route_->shadow) route_->shadow->close();
  route_.reset();
}

/// Another server's progress is read where that one is gone.
void ActiveRollout::take_lead() {
  const auto file = folder_ / ".rollout.lock";
  Descriptor lock(::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666));
  if (!lock)
    throw Error(
        fmt::format("{} cannot be opened: {}; version {} is not tried: its progress could not be kept",
                    file.string(), std::strerror(errno), version_));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return;
  follow();
  lead_ = std::move(lock);
}

void ActiveRollout::follow() {
  const auto file = Rollout::read(folder_);
  if (!file) return;
  if (file->id != trial_->id())
    over_at_ = Clock::now();
  else
    trial_->change([&](Rollout& rollout) { rollout = *file; });
}

bool ActiveRollout::step() {
  const auto now = Clock::now();
  const std::chrono::duration<double> passed = now - std::exchange(last_, now);
  if (over_at_) return now < *over_at_;
  if (!fs::exists(Rollout::file_of(folder_))) {
    log::info(fmt::format("model {}: version {} is not tried any more", name_, version_));
    models_.scan();  // it may have been made live
    return false;
  }
  if (!lead_) {
    if (now - saved_ >= kSaveEvery) {
      saved_ = now;
      follow();
    }
    take_lead();
  }
  if (lead_ && trial_->snapshot().ending) return finish();
  const bool served = route_ != nullptr;
  const auto live = models_.find(name_);
  if (lead_)
    if (const auto why = reason_to_end(live.get())) return end(*why);
  if (!live || live->number != live_) {
    close_route();
    return true;
  }
  if (set_route(models_.find(name_, version_)) && lead_)
    if (const auto differences =
            differences_of_ports(route_->candidate->predictor->manifest(), live->predictor->manifest(),
                                 fmt::format("version {}", version_), fmt::format("version {}", live_));
        !differences.empty())
      return end({"refused", join(differences, "; ")});
  return !lead_ || !route_ || advance(served ? passed.count() : 0);
}

std::optional<Rollout::Ending> ActiveRollout::reason_to_end(const LoadedVersion* live) const {
  if (live && live->number == version_)
    return Rollout::Ending{"stopped", fmt::format("version {} was made live", version_)};
  if (live && live->number != live_)
    return Rollout::Ending{"stopped", fmt::format("version {} became live meanwhile", live->number)};
  if (models_.find(name_, version_)) return std::nullopt;
  if (!fs::exists(folder_ / std::to_string(version_)))
    return Rollout::Ending{"refused", fmt::format("there is no version {} any more", version_)};
  if (!live) return std::nullopt;  // the model may be out of service for a while
  for (const auto& status : models_.versions_of(name_))
    if (status.number == version_ && status.state == "END" && !status.problem.empty())
      return Rollout::Ending{"refused",
                             fmt::format("version {} cannot be loaded: {}", version_, status.problem)};
  return std::nullopt;
}

/// Whether it is a new one.
bool ActiveRollout::set_route(ServedModels::Loaded candidate) {
  if (route_ && route_->candidate == candidate) return false;
  close_route();
  if (!candidate) return false;
  std::shared_ptr<ShadowRunner> shadow;
  if (!trial_->is_canary()) {
    warm_up_threads(*candidate->predictor, shadow_pool_, 1);
    shadow = std::make_shared<ShadowRunner>(shadow_pool_, candidate, trial_);
  }
  route_ = std::make_shared<const RolloutRoute>(
      RolloutRoute{trial_, live_, std::move(candidate), std::move(shadow)});
  log::info(fmt::format("model {}: version {} is tried beside version {}", name_, version_, live_));
  return true;
}

bool ActiveRollout::advance(double seconds) {
  trial_->change([&](Rollout& rollout) { rollout.progress.seconds += seconds; });
  const auto now = trial_->snapshot();
  if (now.is_canary()) {
    if (const auto broken = broken_rule(now))
      return end({"rolled back", broken->rule + ": " + broken->reason});
    if (stage_is_over(now)) {
      if (now.progress.stage + 1 == now.plan.size()) return end({"promoted", "its plan is over"});
      // It may have been said before a server was killed.
      const auto last = last_decision(folder_);
      if (!last || last->value("id", "") != now.id || last->value("event", "") != "stage" ||
          last->value("stage", std::size_t{0}) != now.progress.stage + 1)
        append_decision(folder_, now, "stage", fmt::format("stage {} is over", now.progress.stage + 1));
      trial_->change(begin_next_stage);
      log::info(fmt::format("model {}: version {} answers {}", name_, version_,
                            percent_text(trial_->snapshot().share())));
      saved_ = {};
    }
  }
  if (Clock::now() - saved_ >= kSaveEvery) save();
  return true;
}

void ActiveRollout::save() {
  if (!lead_ || over_at_) return;
  saved_ = Clock::now();
  if (!keep_progress(folder_, trial_->snapshot())) over_at_ = saved_;  // stopped or replaced
}

bool ActiveRollout::end(const Rollout::Ending& ending) {
  trial_->change([&](Rollout& rollout) { rollout.ending = ending; });
  if (ending.event != "promoted") close_route();                  // also where nothing can be written
  if (!keep_progress(folder_, trial_->snapshot())) return false;  // it was stopped meanwhile
  return finish();
}

bool ActiveRollout::finish() {
  auto rollout = trial_->snapshot();
  if (rollout.ending->event == "promoted") {
    try {
      promote(folder_, version_);
    } catch (const ExportError& error) {
      rollout.ending = {"rolled back", error.what()};
    }
  }
  const bool promoted = rollout.ending->event == "promoted";
  close_rollout(folder_, rollout);
  const auto text = fmt::format("model {}: the {} of version {} was {}: {}", name_, rollout.kind_name(),
                                version_, rollout.ending->event, rollout.ending->reason);
  promoted ? log::info(text) : log::warn(text);
  if (!promoted) return false;
  models_.scan();
  // Requests that found the old live version just before are still the new one's.
  over_at_ = Clock::now() + std::chrono::seconds(1);
  return true;
}

}  // namespace ringtrain
