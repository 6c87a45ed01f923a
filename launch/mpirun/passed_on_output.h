#pragma once

#include <array>
#include <atomic>
#include <thread>

namespace ringtrain {

/// While it lives, what this process and those that it starts write to the standard output comes through a
/// pipe, and a thread passes it on. So a disk that is full is seen, of which mpirun says nothing.
class PassedOnOutput {
 public:
  /// Throws Error with the system's reason.
  PassedOnOutput();
  ~PassedOnOutput();
  PassedOnOutput(const PassedOnOutput&) = delete;
  PassedOnOutput& operator=(const PassedOnOutput&) = delete;

  /// The standard output is as before; what was written until then has been passed on. Returns why some of it
  /// could not be (errno), or 0. Call it when the processes have ended.
  int finish();

 private:
  void pass_on();

  int output_ = -1;  // the true one
  std::array<int, 2> pipe_{-1, -1};
  std::atomic<bool> ended_{false};
  std::atomic<int> failure_{0};
  std::jthread thread_;
};

}  // namespace ringtrain
