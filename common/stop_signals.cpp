#include "common/stop_signals.h"

namespace ringtrain {

ReceivedSignals::Kind ReceivedSignals::add(int signal) {
  const auto now = Clock::now().time_since_epoch();
  Clock::rep before = 0;
  if (first_came_.compare_exchange_strong(before, now.count())) {
    first_ = signal;
    return Kind::kFirst;
  }
  if (now - Clock::duration(before) <= kSameSignal) return Kind::kSame;
  second_ = signal;
  return Kind::kSecond;
}

void ReceivedSignals::clear() {
  second_ = 0;
  first_ = 0;
  first_came_ = 0;
}

}  // namespace ringtrain
