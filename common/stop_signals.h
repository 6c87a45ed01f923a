#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>

namespace ringtrain {

/// The signals that tell a program to stop.
inline constexpr std::array kStopSignals{SIGINT, SIGTERM, SIGUSR1};

/// How long after the first signal others are still taken for the same one: timeout(1) sends its signal to
/// the process, and to the process's group.
inline constexpr std::chrono::milliseconds kSameSignal{500};

/// Tells a first signal from that one sent again and from a second one. All of it may be used in a handler.
class ReceivedSignals {
 public:
  enum class Kind { kFirst, kSame, kSecond };
  Kind add(int signal);
  /// Their numbers; 0 when none came. Of more than two the last counts as the second.
  int first() const { return first_; }
  int second() const { return second_; }
  /// As if none had come.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  std::atomic<Clock::rep> first_came_{0};
  std::atomic<int> first_{0}, second_{0};
  static_assert(decltype(first_came_)::is_always_lock_free && decltype(first_)::is_always_lock_free);
};

}  // namespace ringtrain
