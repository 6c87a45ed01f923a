#include "comm/threads/thread_group.h"

#include <fmt/format.h>

#include "common/errors.h"

namespace ringtrain::threads {

void Run::break_off(const std::string& why) {
  {
    const std::lock_guard lock(mutex);
    if (!failed) broken = why;
    failed = true;
  }
  changed.notify_all();
}

void Run::end_of(int rank) {
  {
    const std::lock_guard lock(mutex);
    if (broken.empty()) broken = fmt::format("rank {} has ended", rank);
  }
  changed.notify_all();
}

void Run::throw_if_failed() {
  const std::lock_guard lock(mutex);
  if (failed) throw CommError(broken);
}

Group::Group(std::shared_ptr<Run> run, int world_size)
    : run_(std::move(run)), calls_(static_cast<std::size_t>(world_size)) {}

void Group::meet(int rank, Call call) {
  calls_[static_cast<std::size_t>(rank)] = std::move(call);
  wait();
  std::vector<CollectiveCall> calls;
  for (const Call& one : calls_) calls.push_back(one.what);
  try {
    require_same(calls);
  } catch (const CommError&) {
    wait();  // each rank compares all calls, and all throw: nobody reads them any more
    throw;
  }
}

void Group::wait() {
  std::unique_lock lock(run_->mutex);
  if (!run_->broken.empty()) throw CommError(run_->broken);
  if (++arrived_ == world_size()) {
    arrived_ = 0;
    ++generation_;
    lock.unlock();
    run_->changed.notify_all();
    return;
  }
  const long mine = generation_;
  run_->changed.wait(lock, [&] { return generation_ != mine || !run_->broken.empty(); });
  // When all had come, a rank that failed or ended since then is no matter of this meeting.
  if (generation_ == mine) throw CommError(run_->broken);
}

std::shared_ptr<Group> Group::second(int rank) {
  if (rank == 0) second_ = std::make_shared<Group>(run_, world_size());
  wait();
  std::shared_ptr<Group> made = second_;
  wait();
  return made;
}

}  // namespace ringtrain::threads
