#include "launch/mpirun/host_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <sstream>

#include "common/errors.h"
#include "launch/mpirun/rank_debugger.h"
#include "launch/mpirun/subprocess.h"
#include "launch/version.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

constexpr auto kLimit = std::chrono::seconds(15);
constexpr int kNoFolder = 91, kNoProgram = 92, kNoMpi = 93;

/// What starts a command on another host: "ssh -o BatchMode=yes", or the user's own.
std::vector<std::string> remote_shell() {
  const char* own = std::getenv("OMPI_MCA_plm_rsh_agent");
  if (own == nullptr || *own == '\0')
    // No question for a password, which nobody would see; and no wait of minutes.
    return {"ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"};
  std::vector<std::string> words;
  std::istringstream text(own);
  for (std::string word; text >> word;) words.push_back(word);
  return words;
}

void require_remote_shell(const std::vector<Host>& hosts) {
  const auto far =
      std::find_if(hosts.begin(), hosts.end(), [](const Host& host) { return !is_this_host(host.name); });
  const std::string shell = remote_shell().front();
  if (far == hosts.end() || !find_on_path(shell).empty()) return;
  throw ConfigError(
      fmt::format("host {} is reached by {}, and there is no {} on PATH; install it (Debian: apt-get install "
                  "openssh-client), or name another remote shell in OMPI_MCA_plm_rsh_agent",
                  far->name, shell, shell));
}

std::string last_line(const std::string& text) {
  std::string last;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.find_first_not_of(" \t\r") != std::string::npos) last = line;
  return last;
}

std::string on_one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at))
    text.replace(at, 1, ", ");
  return text;
}

/// Empty when the host will do. `mpi`: the folder of mpirun; its daemon there is called orted, or prted from
/// Open MPI 5 on.
std::string problem_of(const Host& host, const std::string& program, const std::string& mpi) {
  const std::string folder = fs::current_path().string();
  auto command = remote_shell();
  const std::string shell = command.front();
  command.push_back(host.name);
  command.push_back(fmt::format(
      "cd {} || exit {}; test -x {} || test -x {} || exit {}; test -x {} || exit {}; exec {} --version",
      shell_quoted(folder), kNoFolder, shell_quoted(mpi + "/orted"), shell_quoted(mpi + "/prted"), kNoMpi,
      shell_quoted(program), kNoProgram, shell_quoted(program)));
  const Ended ended = run_with_limit(command, kLimit);
  if (ended.timed_out)
    return fmt::format("does not answer: {} was given up after {} s. Check the name, and that the host is up",
                       shell, kLimit.count());
  switch (ended.code) {
    case 0:
      break;
    case kNoFolder:
      return fmt::format(
          "has no folder {}, where this job is started; use a file system that all hosts mount", folder);
    case kNoMpi:
      return fmt::format("has no Open MPI in {}; install the same one there", mpi);
    case kNoProgram:
      return fmt::format(
          "has no {}; install it at the same place on every host, or on a file system that all mount",
          program);
    default:
      return fmt::format(
          "cannot be used: {} ended with {} ({}). Check that `{} {} true` works without a password", shell,
          ended.code, last_line(ended.output), shell, host.name);
  }
  // A login's greeting may come first.
  const std::string here = version_text();
  if (ended.output.find(here) != std::string::npos) return "";
  const auto begin = ended.output.find("ringtrain ");
  return fmt::format("has another version of ringtrain: {}; here it is: {}",
                     on_one_line(begin == std::string::npos ? ended.output : ended.output.substr(begin)),
                     on_one_line(here));
}

}  // namespace

std::vector<std::string> host_problems(const std::vector<Host>& hosts, const std::string& program,
                                       const std::string& mpirun) {
  require_remote_shell(hosts);
  const std::string mpi = fs::path(mpirun).parent_path().string();
  std::vector<std::future<std::string>> answers;
  for (const auto& host : hosts)
    answers.push_back(is_this_host(host.name)
                          ? std::async(std::launch::deferred, [] { return std::string(); })
                          : std::async(std::launch::async,
                                       [&host, &program, &mpi] { return problem_of(host, program, mpi); }));
  std::vector<std::string> problems;
  for (auto& answer : answers) problems.push_back(answer.get());
  return problems;
}

void check_hosts(const std::vector<Host>& hosts, const std::string& program, const std::string& mpirun) {
  const auto found = host_problems(hosts, program, mpirun);
  std::string problems;
  for (std::size_t i = 0; i < hosts.size(); ++i)
    if (!found[i].empty())
      problems += fmt::format("{}host {} {}", problems.empty() ? "" : "\n", hosts[i].name, found[i]);
  if (!problems.empty()) throw ConfigError(problems);
}

}  // namespace ringtrain
