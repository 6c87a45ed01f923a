#include "launch/mpirun_launcher.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
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

#include "common/errors.h"
#include "launch/cores.h"
#include "launch/host_check.h"
#include "launch/rank_debugger.h"
#include "launch/subprocess.h"

extern char** environ;

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

std::string program() { return fs::read_symlink("/proc/self/exe").string(); }

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
  // Ranks are not bound: which thread counts they use is part of the configuration. -q: the ranks say
  // themselves what went wrong.
  std::vector<std::string> command{mpirun, "-q", "--bind-to", "none"};
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

/// Our environment, without what would make mpirun believe that it runs inside another job.
std::vector<std::string> launch_environment() {
  std::vector<std::string> kept;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view variable(*entry);
    const bool of_a_job = variable.starts_with("OMPI_COMM_") || variable.starts_with("PMIX_") ||
                          variable.starts_with("PMI_") || variable.starts_with("OMPI_UNIVERSE");
    if (!of_a_job && !variable.starts_with("RINGTRAIN_TERMINAL_COLUMNS=")) kept.emplace_back(variable);
  }
  // mpirun gives the ranks a pipe: the progress bar has to be told of the terminal behind it.
  if (winsize size{}; ::isatty(STDERR_FILENO) == 1 && ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0)
    kept.push_back(fmt::format("RINGTRAIN_TERMINAL_COLUMNS={}", size.ws_col > 0 ? size.ws_col : 80));
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
volatile sig_atomic_t signals_seen = 0;

void pass_on(int) {
  if (child_group <= 0) return;
  // mpirun passes SIGUSR1 to the ranks; the second time it is told to end them.
  ::kill(static_cast<pid_t>(child_group), signals_seen == 0 ? SIGUSR1 : SIGTERM);
  signals_seen = 1;
}

[[noreturn]] void become(std::vector<std::string>& command, std::vector<std::string>& environment,
                         pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  // In its own process group mpirun could not read the terminal.
  if (const int null = ::open("/dev/null", O_RDONLY); null >= 0) ::dup2(null, STDIN_FILENO);
  ::execve(command[0].c_str(), pointers(command).data(), pointers(environment).data());
  const std::string text = fmt::format("ringtrain: cannot start {}: {}\n", command[0], std::strerror(errno));
  (void)!::write(STDERR_FILENO, text.data(), text.size());
  ::_exit(127);
}

}  // namespace

std::string find_mpirun() {
  if (auto file = find_on_path("mpirun"); !file.empty()) return file;
  if (::access(RINGTRAIN_MPIEXEC, X_OK) == 0) return RINGTRAIN_MPIEXEC;
  throw ConfigError(
      "there is no mpirun on PATH. Install Open MPI (Debian: apt-get install openmpi-bin), or load your "
      "cluster's module");
}

int run_under_mpirun(const MpirunJob& job, const std::vector<std::string>& worker_arguments, bool dry_run) {
  const std::string mpirun = find_mpirun();
  RankDebugger debugger;
  if (job.debug_rank && *job.debug_rank >= job.ranks)
    throw ConfigError(fmt::format("--debug-rank: there is no rank {} among {}; the first is 0",
                                  *job.debug_rank, job.ranks));
  if (job.debug_rank) debugger = rank_debugger(*job.debug_rank, program());
  auto command = mpirun_command(job, mpirun, worker_arguments, debugger.words);
  if (dry_run) {
    for (auto& word : command) word = shell_quoted(word);
    fmt::print("{}\n", fmt::join(command, " "));
    return 0;
  }
  if (!debugger.hint.empty()) fmt::print(stderr, "ringtrain: {}\n", debugger.hint);
  if (!job.hosts.empty()) check_hosts(job.hosts, program(), mpirun);
  auto environment = launch_environment();
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw Error(fmt::format("cannot start mpirun: {}", std::strerror(errno)));
  if (child == 0) become(command, environment, parent);
  ::setpgid(child, child);
  child_group = child;
  struct sigaction action {};
  action.sa_handler = pass_on;
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) sigaction(signal, &action, nullptr);

  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) throw Error(fmt::format("waiting for mpirun failed: {}", std::strerror(errno)));
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  return 128 + WTERMSIG(status);
}

}  // namespace ringtrain
