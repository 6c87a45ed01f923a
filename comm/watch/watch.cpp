#include "comm/watch/watch.h"

#include <fmt/format.h>

#include <algorithm>

namespace ringtrain {
namespace {

std::string doing(const Beat& beat) {
  std::string text(name_of(beat.phase));
  if (beat.step > 0) text += fmt::format(", step {}", beat.step);
  if (beat.bucket >= 0) text += fmt::format(", bucket {}", beat.bucket);
  return text;
}

}  // namespace

Watch::Watch(WatchLimits limits, const std::vector<int>& watched, std::vector<std::string> names,
             WatchLimits::Seconds interval, Time now)
    : limits_(std::move(limits)), names_(std::move(names)), interval_(interval), last_call_(now) {
  for (const int rank : watched) heard_[rank] = {now, {.rank = rank}};
}

void Watch::heard(const Beat& beat, Time now) {
  const auto found = heard_.find(beat.rank);
  if (found != heard_.end()) found->second = {now, beat};
}

std::optional<std::string> Watch::verdict(Time now) {
  excuse_own_absence(now);
  if (auto text = silent(now)) return text;
  return stalled();
}

void Watch::excuse_own_absence(Time now) {
  const auto absent = now - last_call_;
  last_call_ = now;
  if (absent < 3 * interval_) return;
  for (auto& [rank, heard] : heard_)
    heard = {now, {.rank = rank, .phase = heard.beat.phase, .step = heard.beat.step}};
}

std::optional<std::string> Watch::silent(Time now) const {
  if (limits_.heartbeat_timeout.count() <= 0) return {};
  for (const auto& [rank, heard] : heard_) {
    const WatchLimits::Seconds silence = now - heard.when;
    if (silence <= limits_.heartbeat_timeout || heard.beat.phase == Phase::ended) continue;
    return fmt::format(
        "{} gave no sign of life for {:.1f} s ({}heartbeat_timeout: {:g}); the last that was "
        "heard of it: "
        "{}. It is stopped, its host is down, or the network to it is",
        who(rank), silence.count(), limits_.prefix, limits_.heartbeat_timeout.count(), doing(heard.beat));
  }
  return {};
}

std::optional<std::string> Watch::stalled() const {
  const Beat* culprit = nullptr;
  bool all_wait = true;
  for (const auto& [rank, heard] : heard_) {
    const auto& beat = heard.beat;
    if (beat.phase != Phase::waiting && beat.phase != Phase::ended) all_wait = false;
    const auto limit = limit_of(beat.phase);
    if (!limit || beat.stalled <= limit->count()) continue;
    if (beat.phase == Phase::waiting || beat.phase == Phase::ended) continue;
    if (!culprit || beat.step < culprit->step ||
        (beat.step == culprit->step && beat.stalled > culprit->stalled))
      culprit = &beat;
  }
  if (culprit)
    return fmt::format("{} is alive but does not go on: {}, for {:.1f} s ({}stall_timeout: {:g} there)",
                       who(culprit->rank), doing(*culprit), culprit->stalled, limits_.prefix,
                       limit_of(culprit->phase)->count());
  // Who watches some ranks alone does not know what the others do.
  return all_wait && heard_.size() == names_.size() ? waiting_for_ever() : std::nullopt;
}

std::optional<std::string> Watch::waiting_for_ever() const {
  const auto limit = limit_of(Phase::waiting);
  const Beat *least = nullptr, *ended = nullptr;
  for (const auto& [rank, heard] : heard_) {
    if (heard.beat.phase == Phase::ended)
      ended = &heard.beat;
    else if (!least || heard.beat.stalled < least->stalled)
      least = &heard.beat;
  }
  if (!limit || !least || least->stalled <= limit->count()) return {};
  if (ended)
    return fmt::format(
        "{} has come to its end, and the others wait for it for {:.1f} s ({}stall_timeout: {:g} there); {}: "
        "{}. All "
        "ranks take part in as many steps",
        who(ended->rank), least->stalled, limits_.prefix, limit->count(), who(least->rank), doing(*least));
  std::string text = fmt::format(
      "all {} ranks wait for each other for {:.1f} s: the network between them, or a rank "
      "that calls something else;",
      heard_.size(), least->stalled);
  for (const auto& [number, heard] : heard_) {
    if (text.size() > 2000) return text + " ...";
    text += fmt::format(" {}: {};", who(number), doing(heard.beat));
  }
  text.pop_back();
  return text;
}

std::string Watch::who(int rank) const {
  return fmt::format("rank {} of {} ({})", rank, names_.size(), names_.at(static_cast<std::size_t>(rank)));
}

std::optional<WatchLimits::Seconds> Watch::limit_of(Phase phase) const {
  const auto found = limits_.stall_timeout.find(phase);
  if (found == limits_.stall_timeout.end() || found->second.count() <= 0) return {};
  return found->second;
}

}  // namespace ringtrain
