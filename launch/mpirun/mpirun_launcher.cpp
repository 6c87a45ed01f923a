#include "launch/mpirun/mpirun_launcher.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "common/descriptor.h"
#include "common/errors.h"
#include "common/exit_code.h"
#include "common/stop_signals.h"
#include "launch/mpirun/beacon_folder.h"
#include "launch/mpirun/cores.h"
#include "launch/mpirun/host_check.h"
#include "launch/mpirun/launch_failure.h"
#include "launch/mpirun/launcher_output.h"
#include "launch/mpirun/passed_on_output.h"
#include "launch/mpirun/rank_debugger.h"
#include "launch/mpirun/subprocess.h"
#include "launch/standard_output.h"

extern char** environ;

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

/// What the ranks of other hosts are to find in their environment too: mpirun sends nothing by itself.
std::vector<std::string> forwarded_variables() {
  std::vector<std::string> names;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view variable(*entry);
    const bool known =
        variable.starts_with("NCCL_") || variable.starts_with("OMP_") || variable.starts_with("RINGTRAIN_");
    if (known) names.emplace_back(variable.substr(0, variable.find('=')));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> mpirun_command(const MpirunJob& job, const std::string& mpirun,
                                        const std::vector<std::string>& worker_arguments,
                                        const std::vector<std::string>& debugger) {
  // Ranks are not bound: which thread counts they use is part of the configuration.
  std::vector<std::string> command{mpirun, "--bind-to", "none"};
  std::vector<std::string> variables;
  if (job.hosts.empty() && !job.allocated) {
    command.emplace_back("--oversubscribe");
    if (job.ranks > static_cast<int>(usable_cores().size()))
      command.insert(command.end(), {"--mca", "mpi_yield_when_idle", "1"});
  } else {
    if (!job.hosts.empty()) command.insert(command.end(), {"--host", to_string(job.hosts)});
    for (const auto& name : forwarded_variables()) variables.insert(variables.end(), {"-x", name});
  }
  bool first = true;
  const auto add_ranks = [&](int count, const std::vector<std::string>& before) {
    if (count == 0) return;
    if (!first) command.emplace_back(":");
    first = false;
    command.insert(command.end(), variables.begin(), variables.end());
    command.insert(command.end(), {"-np", std::to_string(count)});
    command.insert(command.end(), before.begin(), before.end());
    command.push_back(program());
    command.insert(command.end(), worker_arguments.begin(), worker_arguments.end());
  };
  // mpirun numbers the ranks of its programs in turn.
  const int before = job.debug_rank.value_or(job.ranks);
  add_ranks(before, {});
  if (job.debug_rank) add_ranks(1, debugger);
  if (job.debug_rank) add_ranks(job.ranks - before - 1, {});
  return command;
}

/// Whether mpirun needs no remote shell, and has none: Open MPI 4.1 looks for it all the same, and ends.
bool does_without_remote_shell(const MpirunJob& job) {
  const bool here = std::all_of(job.hosts.begin(), job.hosts.end(),
                                [](const Host& host) { return is_this_host(host.name); });
  const bool named = std::getenv("OMPI_MCA_plm_rsh_agent") || std::getenv("PRTE_MCA_plm_ssh_agent");
  return here && !named && find_on_path("ssh").empty() && find_on_path("rsh").empty();
}

/// Our environment, without what would make mpirun believe that it runs inside another job.
std::vector<std::string> launch_environment(const fs::path& beacons, const MpirunJob& job) {
  std::vector<std::string> kept;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view variable(*entry);
    const bool of_a_job = variable.starts_with("OMPI_COMM_") || variable.starts_with("PMIX_") ||
                          variable.starts_with("PMI_") || variable.starts_with("OMPI_UNIVERSE");
    const bool ours = variable.starts_with("RINGTRAIN_TERMINAL_COLUMNS=") ||
                      variable.starts_with(fmt::format("{}=", kBeaconFolder));
    if (!of_a_job && !ours) kept.emplace_back(variable);
  }
  // mpirun gives the ranks a pipe: the progress bar has to be told of the terminal behind it.
  if (winsize size{}; ::isatty(STDERR_FILENO) == 1 && ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0)
    kept.push_back(fmt::format("RINGTRAIN_TERMINAL_COLUMNS={}", size.ws_col > 0 ? size.ws_col : 80));
  if (!beacons.empty()) {
    kept.push_back(fmt::format("{}={}", kBeaconFolder, beacons.string()));
    // What Open MPI leaves behind when a rank is killed goes with our folder. It must be there on every host.
    if (job.hosts.empty() && !job.allocated)
      kept.push_back("OMPI_MCA_btl_vader_backing_directory=" + beacons.string());
  }
  // Any program that is there will do: it is never started. Open MPI 5 has another name for it.
  if (does_without_remote_shell(job))
    kept.insert(kept.end(), {"OMPI_MCA_plm_rsh_agent=/bin/sh", "PRTE_MCA_plm_ssh_agent=/bin/sh"});
  if (::geteuid() == 0)
    kept.insert(kept.end(), {"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"});
  return kept;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (auto& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

volatile sig_atomic_t child_group = 0;
ReceivedSignals received;

void pass_on(int signal) {
  const auto kind = received.add(signal);
  if (kind == ReceivedSignals::Kind::kSame || child_group <= 0) return;
  const int interrupted = errno;
  // mpirun passes SIGUSR1 to the ranks; the second time it is told to end them.
  ::kill(static_cast<pid_t>(child_group), kind == ReceivedSignals::Kind::kFirst ? SIGUSR1 : SIGTERM);
  errno = interrupted;
}

void change_stop_signals(int how) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kStopSignals) sigaddset(&set, signal);
  sigprocmask(how, &set, nullptr);
}

[[noreturn]] void become(std::vector<std::string>& command, std::vector<std::string>& environment,
                         pid_t parent, int errors) {
  ::setpgid(0, 0);
  change_stop_signals(SIG_UNBLOCK);
  ::dup2(errors, STDERR_FILENO);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  // In its own process group mpirun could not read the terminal.
  if (const int null = ::open("/dev/null", O_RDONLY); null >= 0) ::dup2(null, STDIN_FILENO);
  ::execve(command[0].c_str(), pointers(command).data(), pointers(environment).data());
  const std::string text = fmt::format("ringtrain: cannot start {}: {}\n", command[0], std::strerror(errno));
  (void)!::write(STDERR_FILENO, text.data(), text.size());
  ::_exit(127);
}

void write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(STDERR_FILENO, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody reads it
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// A line of our own among those of the ranks.
void say(std::string_view text, const LauncherOutput& output) {
  write_all(fmt::format("{}ringtrain: {}\n", output.within_line() ? "\n" : "", text));
}

/// How long mpirun may take to end a job of which it, or a rank, has said that it failed. It waits for ever
/// for a host that does not answer, and 4.1 also for itself, when a rank was ended in the middle of MPI_Init.
constexpr std::chrono::seconds kEndingTime{15};

/// Reads until mpirun has ended, or had to be ended; what it left in the pipe too. Returns its wait status.
int read_until_end(pid_t child, int pipe, bool stops_with_checkpoint, LauncherOutput& output) {
  std::array<char, 65536> buffer{};
  const auto read_some = [&](int wait_ms) {
    pollfd ready{.fd = pipe, .events = POLLIN, .revents = 0};
    const int some = ::poll(&ready, 1, wait_ms);
    if (some == 0) output.pause();
    if (some <= 0) return false;
    const auto size = ::read(pipe, buffer.data(), buffer.size());
    if (size > 0) output.add({buffer.data(), static_cast<std::size_t>(size)});
    if (size == 0 && wait_ms > 0) ::usleep(1000);  // closed, but not ended yet
    return size > 0;
  };
  int status = 0;
  bool answered = false;
  std::optional<std::chrono::steady_clock::time_point> failed;
  while (true) {
    read_some(100);
    if (stops_with_checkpoint && told_to_stop() && !answered) {
      answered = true;
      say("the ranks stop after this step, with a checkpoint; a second signal ends them at once", output);
    }
    if (!failed && !(output.rank_message().empty() && output.launcher_words().empty()))
      failed = std::chrono::steady_clock::now();
    if (failed && std::chrono::steady_clock::now() - *failed > kEndingTime) ::kill(-child, SIGKILL);
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) break;
    if (ended < 0 && errno != EINTR)
      throw Error(fmt::format("waiting for mpirun failed: {}", std::strerror(errno)));
  }
  while (read_some(0)) {
  }
  output.pause();
  return status;
}

/// Starts mpirun in a process group of its own; none when this process was told to stop before. A signal that
/// comes meanwhile waits, and is then passed on.
std::optional<pid_t> start(std::vector<std::string>& command, std::vector<std::string>& environment,
                           int errors) {
  change_stop_signals(SIG_BLOCK);
  std::optional<pid_t> child;
  if (!told_to_stop()) {
    const pid_t parent = ::getpid();
    child = ::fork();
    if (child == 0) become(command, environment, parent, errors);
    if (child > 0) {
      ::setpgid(*child, *child);
      child_group = *child;
    }
  }
  change_stop_signals(SIG_UNBLOCK);
  if (child && *child < 0) throw Error(fmt::format("cannot start mpirun: {}", std::strerror(errno)));
  return child;
}

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = pass_on;
  for (const int signal : kStopSignals) sigaction(signal, &action, nullptr);
}

}  // namespace

std::string program() { return fs::read_symlink("/proc/self/exe").string(); }

bool told_to_stop() { return received.first() != 0; }

std::string find_mpirun() {
  if (auto file = find_on_path("mpirun"); !file.empty()) return file;
  if (::access(RINGTRAIN_MPIEXEC, X_OK) == 0) return RINGTRAIN_MPIEXEC;
  throw ConfigError(
      "there is no mpirun on PATH. Install Open MPI (Debian: apt-get install openmpi-bin), or load your "
      "cluster's module");
}

static RankDebugger debugger_of(const MpirunJob& job) {
  if (!job.debug_rank) return {};
  if (*job.debug_rank >= job.ranks)
    throw ConfigError(fmt::format("--debug-rank: there is no rank {} among {}; the first is 0",
                                  *job.debug_rank, job.ranks));
  return rank_debugger(*job.debug_rank, program());
}

std::string mpirun_command_line(const MpirunJob& job, const std::vector<std::string>& worker_arguments) {
  auto command = mpirun_command(job, find_mpirun(), worker_arguments, debugger_of(job).words);
  for (auto& word : command) word = shell_quoted(word);
  return fmt::format("{}", fmt::join(command, " "));
}

LaunchEnd run_under_mpirun(const MpirunJob& job, const std::vector<std::string>& worker_arguments) {
  const std::string mpirun = find_mpirun();
  const RankDebugger debugger = debugger_of(job);
  auto command = mpirun_command(job, mpirun, worker_arguments, debugger.words);
  if (!debugger.hint.empty()) fmt::print(stderr, "ringtrain: {}\n", debugger.hint);
  if (!job.hosts.empty()) check_hosts(job.hosts, program(), mpirun);
  const BeaconFolder beacons;
  auto environment = launch_environment(beacons.path(), job);
  Pipe errors;
  catch_signals();
  PassedOnOutput passed_on;
  const auto child = start(command, environment, errors.write_end.get());
  errors.write_end.close();
  LauncherOutput output(write_all);
  const int status =
      child ? read_until_end(*child, errors.read_end.get(), job.stops_with_checkpoint, output) : 0;
  errors.read_end.close();
  const int not_written = passed_on.finish();
  if (!child) return {.code = ExitCode::stopped, .why = ""};
  child_group = 0;
  beacons.end_left_over_ranks(job.ranks, program());
  const MpirunEnd end{.status = status,
                      .ranks = job.ranks,
                      .killed_by = output.killed_rank() ? output.killed_rank()->signal : 0,
                      .first_signal = received.first(),
                      .second_signal = received.second(),
                      .stops_with_checkpoint = job.stops_with_checkpoint};
  std::string why = explain(end, output, beacons);
  if (!why.empty())
    say(why, output);
  else
    why = output.rank_message();
  if (end.code() == ExitCode::success && not_written != 0) fail_standard_output(not_written);
  if (not_written != 0 && not_written != EPIPE)
    say(fmt::format("standard output cannot be written: {}", std::strerror(not_written)), output);
  return {.code = end.code(), .why = why, .at_once = end.second_signal != 0};
}

}  // namespace ringtrain
