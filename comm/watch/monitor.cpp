#include "comm/watch/monitor.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <numeric>

namespace ringtrain {
namespace {

using Clock = std::chrono::steady_clock;

/// Several beats within the shortest time limit, but no more than four a second.
WatchLimits::Seconds interval_of(const WatchLimits& limits) {
  double shortest = 8;
  if (limits.heartbeat_timeout.count() > 0) shortest = std::min(shortest, limits.heartbeat_timeout.count());
  for (const auto& [phase, limit] : limits.stall_timeout)
    if (limit.count() > 0) shortest = std::min(shortest, limit.count());
  return WatchLimits::Seconds(std::clamp(shortest / 8, 0.25, 1.0));
}

std::vector<int> watched_by(int rank, int ranks) {
  if (rank == 0) {
    std::vector<int> all(static_cast<std::size_t>(ranks));
    std::iota(all.begin(), all.end(), 0);
    return all;
  }
  return rank == 1 ? std::vector<int>{0} : std::vector<int>{};
}

}  // namespace

Monitor::Monitor(const Beacon& beacon, std::unique_ptr<BeatLink> link, Options options)
    : beacon_(beacon), link_(std::move(link)), options_(std::move(options)) {
  if (link_) {
    rank_ = link_->rank();
    ranks_ = link_->world_size();
  }
  thread_ = std::make_unique<Thread>();
  thread_->thread = std::thread([this] { run(); });
}

Monitor::~Monitor() {
  if (!process_.here()) {
    (void)thread_.release();  // nobody would answer
    return;
  }
  {
    const std::lock_guard lock(thread_->mutex);
    thread_->stop = true;
  }
  thread_->stopping.notify_all();
  thread_->thread.join();
}

Beat Monitor::mine() const {
  const RankStatus status = beacon_.status();
  const auto now = Clock::now().time_since_epoch().count();
  return {.rank = rank_,
          .phase = status.phase,
          .step = status.step,
          .bucket = status.bucket,
          .stalled = static_cast<double>(now - status.since) * 1e-9};
}

void Monitor::run() {
  ::pthread_setname_np(::pthread_self(), "monitor");
  const auto interval = interval_of(options_.limits);
  const pid_t launcher = ::getppid();
  auto resumed = Clock::now();
  auto last = resumed;
  Watch watch(options_.limits, watched_by(rank_, ranks_), options_.names, interval, last);
  std::unique_lock lock(thread_->mutex);
  while (!thread_->stopping.wait_for(lock, interval, [this] { return thread_->stop; })) {
    lock.unlock();
    if (options_.has_launcher && ::getppid() != launcher) ::_exit(4);  // nobody is left who would end it
    const auto now = Clock::now();
    // A process that was stopped for a while did not stall in it.
    if (now - last > 3 * interval) resumed = now;
    last = now;
    Beat beat = mine();
    beat.stalled = std::min(beat.stalled, std::chrono::duration<double>(now - resumed).count());
    watch.heard(beat, now);
    if (link_) {
      while (const auto other = link_->receive()) {
        if (other->phase == Phase::ended) take_leave(watch, other->rank, now);
        watch.heard(*other, now);
      }
      if (rank_ != watcher_) link_->send(watcher_, beat);
      if (rank_ == 0 && ranks_ > 1) link_->send(1, beat);
    }
    if (const auto trouble = watch.verdict(now)) return options_.on_trouble(*trouble);
    lock.lock();
  }
  if (!link_) return;
  Beat last_one = mine();
  last_one.phase = Phase::ended;
  const int hearers = rank_ == 0 ? ranks_ : std::min(2, ranks_);
  for (int to = 0; to < hearers; ++to)
    if (to != rank_) link_->send(to, last_one);
}

// Rank 1 remembers who has ended, and watches the others in rank 0's place when that ends.
void Monitor::take_leave(Watch& watch, int rank, Watch::Time now) {
  if (rank == 0) watcher_ = 1;
  if (rank_ != 1) return;
  if (rank != 0) return watch.expect(rank, now);
  for (int other = 1; other < ranks_; ++other) watch.expect(other, now);
}

}  // namespace ringtrain
