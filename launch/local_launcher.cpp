#include "launch/local_launcher.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "common/errors.h"

extern char** environ;

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

/// mpirun on PATH, else the one that this program was built with.
std::string find_mpirun() {
  std::istringstream path(std::getenv("PATH") ? std::getenv("PATH") : "");
  for (std::string folder; std::getline(path, folder, ':');)
    if (const auto file = fs::path(folder) / "mpirun"; ::access(file.c_str(), X_OK) == 0)
      return file.string();
  if (::access(RINGTRAIN_MPIEXEC, X_OK) == 0) return RINGTRAIN_MPIEXEC;
  throw ConfigError(
      "there is no mpirun on PATH. Install Open MPI (Debian: apt-get install openmpi-bin), or load your "
      "cluster's module");
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

std::vector<std::string> mpirun_command(int ranks, const std::vector<std::string>& worker_arguments) {
  // Ranks are not bound: which thread counts they use is part of the configuration. -q: the ranks say
  // themselves what went wrong.
  std::vector<std::string> command{find_mpirun(), "-q",  "--oversubscribe",    "--bind-to",
                                   "none",        "-np", std::to_string(ranks)};
  if (ranks > usable_cores()) command.insert(command.end(), {"--mca", "mpi_yield_when_idle", "1"});
  command.push_back(fs::read_symlink("/proc/self/exe").string());
  command.insert(command.end(), worker_arguments.begin(), worker_arguments.end());
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

int run_local_ranks(int ranks, const std::vector<std::string>& worker_arguments, bool dry_run) {
  auto command = mpirun_command(ranks, worker_arguments);
  if (dry_run) {
    fmt::print("{}\n", fmt::join(command, " "));
    return 0;
  }
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
