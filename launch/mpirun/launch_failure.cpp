#include "launch/mpirun/launch_failure.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>

#include "common/exit_code.h"

namespace ringtrain {
namespace {

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name ? fmt::format("signal {} (SIG{})", signal, name) : fmt::format("signal {}", signal);
}

/// "rank 1 of 2 (host vm, pid 4711) was ended by signal 9 (SIGKILL); it was waiting for the other ranks, step
/// 44"
std::string who_and_what(int rank, int ranks, std::string host, const std::string& what,
                         const BeaconFolder& beacons) {
  const auto status = beacons.of(rank);
  if (status && host.empty()) host = status->host;
  std::string text = fmt::format("rank {} of {}", rank, ranks);
  if (status)
    text += fmt::format(" (host {}, pid {})", host, status->pid);
  else if (!host.empty())
    text += fmt::format(" (host {})", host);
  text += " " + what;
  return status ? text + "; it was " + status->doing() : text;
}

}  // namespace

int MpirunEnd::code() const {
  const int code = WIFEXITED(status) ? WEXITSTATUS(status)
                                     : ExitCode::of_signal(killed_by != 0 ? killed_by : WTERMSIG(status));
  const bool in_order = code == ExitCode::success || code == ExitCode::stopped;
  if (second_signal != 0 && !in_order) return ExitCode::of_signal(second_signal);
  return first_signal != 0 && code == ExitCode::of_signal(SIGUSR1) ? ExitCode::of_signal(first_signal) : code;
}

std::string explain(const MpirunEnd& end, const LauncherOutput& output, const BeaconFolder& beacons) {
  const int code = end.code();
  if (code == ExitCode::success || code == ExitCode::stopped) return "";
  if (const int signal = code - ExitCode::signalled;
      signal > 0 && (signal == end.first_signal || signal == end.second_signal)) {
    if (!end.stops_with_checkpoint) return "ended by " + signal_name(signal);
    return end.second_signal != 0
               ? "ended at once by a second signal; --resume goes on from the newest checkpoint"
               : "ended by a signal before a checkpoint could be written for it";
  }
  // What the other ranks say of it is what follows from it.
  if (const auto killed = output.killed_rank(); killed && code >= ExitCode::signalled) {
    auto text = who_and_what(killed->rank, end.ranks, killed->host,
                             "was ended by " + signal_name(killed->signal), beacons);
    if (killed->signal == SIGKILL)
      text += ". If nobody killed it, the kernel may have, for want of memory: see dmesg there";
    return text;
  }
  // After a rank or mpirun has spoken it is this program that ends an mpirun which does not.
  if (WIFSIGNALED(end.status) && output.launcher_words().empty())
    return output.rank_message().empty() ? "mpirun was ended by " + signal_name(WTERMSIG(end.status)) : "";
  if (!output.rank_message().empty()) return "";
  if (const auto failed = output.failed_rank())
    return who_and_what(*failed, end.ranks, "", fmt::format("ended with exit code {}, without a word", code),
                        beacons);
  // Open MPI 4.1 now and then loses its second block, about a rank that was ended in MPI_Init.
  if (WIFEXITED(end.status) && code > ExitCode::signalled)
    return fmt::format("a rank was ended by {}; mpirun does not say which of the {}",
                       signal_name(code - ExitCode::signalled), end.ranks);
  if (!output.launcher_words().empty()) return "mpirun says:\n" + output.launcher_words();
  return fmt::format("mpirun ended with exit code {}", code);
}

}  // namespace ringtrain
