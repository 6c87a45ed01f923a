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
    ended.insert(rank);
  }
  changed.notify_all();
}

void Run::throw_if_failed() {
  const std::lock_guard lock(mutex);
  if (failed) throw CommError(broken);
}

Group::Group(std::shared_ptr<Run> run, std::vector<int> members)
    : run_(std::move(run)), members_(std::move(members)), calls_(members_.size()), parts_(members_.size()) {}

// A rank that is none of these may end: it has no part in what they do.
std::string Group::why_broken() const {
  if (run_->failed) return run_->broken;
  for (const int member : members_)
    if (run_->ended.contains(member)) return fmt::format("rank {} has ended", member);
  return {};
}

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
  if (const auto why = why_broken(); !why.empty()) throw CommError(why);
  if (++arrived_ == world_size()) {
    arrived_ = 0;
    ++generation_;
    lock.unlock();
    run_->changed.notify_all();
    return;
  }
  const long mine = generation_;
  run_->changed.wait(lock, [&] { return generation_ != mine || !why_broken().empty(); });
  // When all had come, a rank that failed or ended since then is no matter of this meeting.
  if (generation_ == mine) throw CommError(why_broken());
}

std::shared_ptr<Group> Group::second(int rank) {
  if (rank == 0) second_ = std::make_shared<Group>(run_, members_);
  wait();
  std::shared_ptr<Group> made = second_;
  wait();
  return made;
}

std::shared_ptr<Group> Group::part(int rank, const std::vector<int>& members) {
  if (!members.empty() && members.front() == rank) {
    std::vector<int> numbers;  // in the run
    for (const int member : members) numbers.push_back(members_[static_cast<std::size_t>(member)]);
    parts_[static_cast<std::size_t>(rank)] = std::make_shared<Group>(run_, std::move(numbers));
  }
  wait();
  std::shared_ptr<Group> made;
  if (!members.empty()) made = parts_[static_cast<std::size_t>(members.front())];
  wait();
  parts_[static_cast<std::size_t>(rank)].reset();
  return made;
}

}  // namespace ringtrain::threads
