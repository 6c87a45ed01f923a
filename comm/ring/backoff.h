#pragma once

#include <sched.h>
#include <time.h>

namespace ringtrain::ring {

/// Waits for another rank: at first by looking again and again, then by letting others have the core, at last
/// by sleeping.
class Backoff {
 public:
  /// `ranks`: of this host. Where they outnumber the cores, whoever spins keeps from its core the rank that
  /// it waits for.
  explicit Backoff(int ranks) : spins_(ranks > usable_cores() ? 10 : 2000) {}
  void pause() {
    ++looks_;
    if (looks_ < spins_) return;
    if (looks_ < spins_ + yields) {
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
  // Asked once: a small all-reduce takes as long as the question.
  static int usable_cores() {
    static const int count = [] {
      cpu_set_t cores;
      return ::sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores) : 1;
    }();
    return count;
  }
  static constexpr int yields = 100;
  int spins_, looks_ = 0;
};

}  // namespace ringtrain::ring
