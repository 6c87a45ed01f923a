#pragma once

#include <sched.h>
#include <time.h>

namespace ringtrain::ring {

/// Waits for another rank: at first by looking again and again, then by letting others have the core, at last
/// by sleeping.
class Backoff {
 public:
  void pause() {
    ++looks_;
    if (looks_ < spins) return;
    if (looks_ < spins + yields) {
      ::sched_yield();
      return;
    }
    sleep();
  }
  void reset() { looks_ = 0; }
  static void sleep(long microseconds = 20) {
    const timespec some{.tv_sec = 0, .tv_nsec = microseconds * 1000};
    ::nanosleep(&some, nullptr);
  }

 private:
  static constexpr int spins = 2000, yields = 2000;
  int looks_ = 0;
};

}  // namespace ringtrain::ring
