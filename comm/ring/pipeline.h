#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "comm/ring/operation.h"

namespace ringtrain::ring {

/// The operations of a rank, in the order in which they were begun; several are under way at a time. They go
/// on while somebody waits or begins another one, or, with a thread, by themselves: a thread sleeps between
/// its looks, since one that spins takes the core from what computes. A child process (fork) has neither the
/// thread nor the right to the board: there nothing is called but `wait`, which throws, and `progress`, which
/// does nothing, and it is not destroyed.
class Pipeline : public Waitable {
 public:
  Pipeline(const Seat& seat, bool thread);
  /// Gives up what is under way.
  ~Pipeline() override;
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  /// Begins one (operation.h); returns its number. Waits when too many are under way. Throws CommError.
  std::uint64_t begin(const at::Tensor& tensor, ReduceOp op, const CollectiveCall& what);
  /// Moves what can be moved now. An error is kept for `wait`.
  void progress() noexcept;
  /// Throws the CommError that ended it, or an earlier one.
  Time wait(std::uint64_t number) override;

 private:
  bool slot_is_free() const;
  bool advance();
  void run();
  std::optional<Operation>& operation(std::uint64_t number) { return under_way_[number % slot_count]; }
  template <class Ended>
  void wait_until(std::unique_lock<std::mutex>& lock, const Ended& ended);

  OwnProcess process_;
  Seat seat_;
  BufferPool buffers_;
  std::mutex mutex_;
  std::condition_variable changed_, more_;
  std::array<std::optional<Operation>, slot_count> under_way_;  // operation n at n % slot_count
  std::array<Time, 256> ends_;                                  // operation n at n % 256: of the last ones
  std::uint64_t begun_ = 0, ended_ = 0;
  std::exception_ptr error_;
  bool stop_ = false;
  int waiting_ = 0, waiting_for_slot_ = 0;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace ringtrain::ring
