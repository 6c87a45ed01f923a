#include "trainer/stop_signal.h"

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>

namespace ringtrain {
namespace {

constexpr std::array kSignals{SIGTERM, SIGINT, SIGUSR1};
std::atomic<int> caught_signals{0};  // lock-free: a handler may write it
std::array<struct sigaction, kSignals.size()> previous;

void handle(int signal) {
  if (caught_signals.fetch_add(1) > 0 && signal == SIGINT) std::_Exit(128 + SIGINT);
}

}  // namespace

StopSignal::StopSignal() {
  caught_signals = 0;
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &action, &previous[i]);
}

StopSignal::~StopSignal() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &previous[i], nullptr);
}

bool StopSignal::caught() const { return caught_signals.load() > 0; }

}  // namespace ringtrain
