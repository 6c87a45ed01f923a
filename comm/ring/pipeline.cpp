#include "comm/ring/pipeline.h"

#include <fmt/format.h>

#include "comm/ring/backoff.h"
#include "common/errors.h"

namespace ringtrain::ring {

// Between the thread's looks while nobody waits: 16 blocks of 64 KiB are under way meanwhile.
constexpr long look_microseconds = 200;

namespace {

/// One more in `number` as long as it lives.
class Counted {
 public:
  explicit Counted(int& number) : number_(number) { ++number_; }
  ~Counted() { --number_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  int& number_;
};

}  // namespace

Pipeline::Pipeline(const Seat& seat, bool thread) : seat_(seat) {
  if (thread) thread_ = std::jthread([this] { run(); });
}

Pipeline::~Pipeline() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    seat_.neighbours->board(seat_.neighbours->rank()).gone.store(true, std::memory_order_release);
  }
  more_.notify_all();
}

std::uint64_t Pipeline::begin(const at::Tensor& tensor, ReduceOp op, const CollectiveCall& what) {
  std::unique_lock lock(mutex_);
  const Counted waits_for_slot(waiting_for_slot_);
  wait_until(lock, [this] { return begun_ - ended_ < slot_count && slot_is_free(); });
  operation(begun_).emplace(seat_, buffers_, begun_, tensor, op, what);
  ++begun_;
  if (thread_.joinable())
    more_.notify_one();
  else
    advance();
  return begun_ - 1;
}

Pipeline::Time Pipeline::wait(std::uint64_t number) {
  process_.require("Work::wait");
  std::unique_lock lock(mutex_);
  wait_until(lock, [this, number] { return ended_ > number; });
  return ended_ - number <= ends_.size() ? ends_[number % ends_.size()] : std::chrono::steady_clock::now();
}

void Pipeline::progress() noexcept {
  if (!process_.here()) return;
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock || begun_ == ended_ || error_) return;
  try {
    advance();
  } catch (...) {  // kept in error_
    more_.notify_one();
  }
}

// All neighbours have done with the operation that used the slot before.
bool Pipeline::slot_is_free() const {
  if (begun_ < slot_count) return true;
  for (int r = 0; r < seat_.neighbours->size(); ++r) {
    const Board& board = seat_.neighbours->board(r);
    const auto behind = [&] { return board.finished.load(std::memory_order_acquire) + slot_count <= begun_; };
    if (!behind()) continue;
    if (board.gone.load(std::memory_order_acquire) && behind())
      throw CommError(fmt::format("all_reduce: local rank {} has ended and takes part no more", r));
    return false;
  }
  return true;
}

// Returns whether something was done. Operations that have ended leave in order.
bool Pipeline::advance() {
  if (error_) std::rethrow_exception(error_);
  bool moved = false;
  try {
    for (std::uint64_t n = ended_; n < begun_; ++n) operation(n)->advance(moved);
    bool unused = false;
    for (; ended_ < begun_ && operation(ended_)->advance(unused); ++ended_) {
      operation(ended_).reset();
      ends_[ended_ % ends_.size()] = std::chrono::steady_clock::now();
    }
    if (!moved) seat_.neighbours->check();
  } catch (...) {
    error_ = std::current_exception();
    throw;
  }
  return moved;
}

// Works itself, or, where there is a thread, waits for it.
template <class Ended>
void Pipeline::wait_until(std::unique_lock<std::mutex>& lock, const Ended& ended) {
  if (!thread_.joinable()) {
    Backoff backoff(seat_.ranks_on_host);
    while (!ended()) {
      if (advance())
        backoff.reset();
      else
        backoff.pause();
    }
    return;
  }
  if (ended()) return;
  const Counted waits(waiting_);
  more_.notify_one();  // nothing may be under way: the thread looks for what is waited for
  changed_.wait(lock, [&] { return error_ || ended(); });
  if (error_) std::rethrow_exception(error_);
}

void Pipeline::run() {
  std::unique_lock lock(mutex_);
  Backoff backoff(seat_.ranks_on_host);
  while (true) {
    more_.wait(lock, [this] { return stop_ || ended_ < begun_ || waiting_ > 0; });
    if (stop_) return;
    const std::uint64_t before = ended_;
    bool moved = false;
    try {
      moved = advance();
    } catch (...) {  // kept in error_
      changed_.notify_all();
      return;
    }
    if (ended_ != before || waiting_for_slot_ > 0) changed_.notify_all();
    if (moved) {
      backoff.reset();
      continue;
    }
    const bool awaited = waiting_ > 0;
    lock.unlock();
    // Nobody waits: what computes shall have the core.
    if (awaited)
      backoff.pause();
    else
      Backoff::sleep(look_microseconds);
    lock.lock();
  }
}

}  // namespace ringtrain::ring
