#include "trainer/setup/stop_signal.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include "common/exit_code.h"
#include "common/stop_signals.h"

namespace ringtrain {
namespace {

ReceivedSignals received;
std::array<struct sigaction, kStopSignals.size()> previous;

void handle(int signal) {
  const auto kind = received.add(signal);
  if (signal != SIGINT) return;
  if (kind == ReceivedSignals::Kind::kSecond) std::_Exit(ExitCode::of_signal(SIGINT));
  if (kind != ReceivedSignals::Kind::kFirst) return;
  constexpr std::string_view kAnswer =
      "\nstopping after this step, with a checkpoint; Ctrl-C again ends at once\n";
  const int interrupted = errno;
  (void)!::write(STDERR_FILENO, kAnswer.data(), kAnswer.size());
  errno = interrupted;
}

}  // namespace

StopSignal::StopSignal() {
  received.clear();
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < kStopSignals.size(); ++i) sigaction(kStopSignals[i], &action, &previous[i]);
}

StopSignal::~StopSignal() {
  for (std::size_t i = 0; i < kStopSignals.size(); ++i) sigaction(kStopSignals[i], &previous[i], nullptr);
}

bool StopSignal::caught() const { return received.first() != 0; }

void StopSignal::pretend() const { received.add(SIGUSR1); }

}  // namespace ringtrain
