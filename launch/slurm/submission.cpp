#include "launch/slurm/submission.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <thread>
#include <utility>

#include "common/errors.h"
#include "common/text.h"
#include "launch/mpirun/subprocess.h"
#include "train_sbatch.h"  // made by CMake from launch/templates/train.sbatch

namespace ringtrain::slurm {
namespace {

using Option = std::pair<std::string, std::string>;

constexpr auto kLimit = std::chrono::seconds(25);

void refuse_line_breaks(const std::string& what, const std::string& text) {
  if (text.find_first_of("\n\r") != std::string::npos)
    throw ConfigError(fmt::format("{}: a line break cannot stand in a batch script", what));
}

Option parse_option(const std::string& text) {
  const auto equals = text.find('=');
  Option option(text.substr(0, equals), equals == std::string::npos ? "" : text.substr(equals + 1));
  while (option.first.starts_with('-')) option.first.erase(0, 1);
  const bool good =
      !option.first.empty() &&
      option.first.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
  if (!good)
    throw ConfigError(fmt::format("--sbatch: expected an option of sbatch such as qos=high, got '{}'", text));
  return option;
}

std::vector<Option> options_of(const Submission& job) {
  std::vector<Option> options{{"job-name", job.name},
                              {"nodes", std::to_string(job.nodes)},
                              {"ntasks-per-node", std::to_string(job.ranks_per_node)},
                              {"cpus-per-task", std::to_string(job.cpus_per_rank)}};
  const auto add = [&options](const char* key, const std::string& value) {
    if (!value.empty()) options.emplace_back(key, value);
  };
  if (job.gpus_per_node > 0) add("gpus-per-node", std::to_string(job.gpus_per_node));
  add("time", job.time);
  add("partition", job.partition);
  add("account", job.account);
  add("output", job.job_dir + "/slurm-%j.log");
  // A requeued job writes on in its log.
  add("open-mode", "append");
  options.emplace_back("requeue", "");
  // Two minutes before its end the script, and it alone (B:), is told.
  add("signal", "B:USR1@120");
  for (const auto& text : job.more) {
    const Option option = parse_option(text);
    const auto same = std::find_if(options.begin(), options.end(),
                                   [&option](const Option& one) { return one.first == option.first; });
    if (same == options.end())
      options.push_back(option);
    else
      *same = option;
  }
  return options;
}

std::string directives(const Submission& job) {
  std::vector<std::string> lines;
  for (const auto& [key, value] : options_of(job)) {
    refuse_line_breaks("--" + key, value);
    const bool spaced = value.find_first_of(" \t\"'") != std::string::npos;
    if (value.find('"') != std::string::npos)
      throw ConfigError(fmt::format("--{}: sbatch cannot take a quotation mark in {}", key, value));
    lines.push_back(value.empty() ? fmt::format("#SBATCH --{}", key)
                    : spaced      ? fmt::format("#SBATCH --{}=\"{}\"", key, value)
                                  : fmt::format("#SBATCH --{}={}", key, value));
  }
  return fmt::format("{}", fmt::join(lines, "\n"));
}

std::string words(std::vector<std::string> list) {
  for (auto& word : list) {
    refuse_line_breaks("an argument", word);
    word = shell_quoted(word);
  }
  return fmt::format("{}", fmt::join(list, " "));
}

bool is_apptainer(const std::string& image) { return image.ends_with(".sif"); }

/// What a rank is started with. An image of ours has ringtrain where its own PATH says; that of a program of
/// another name has it where it is here.
std::vector<std::string> command_of(const Submission& job) {
  if (job.container.empty()) return {job.program};
  const bool ours = std::filesystem::path(job.program).filename() == "ringtrain";
  const std::string inside = ours ? "ringtrain" : job.program;
  if (!is_apptainer(job.container)) return {inside};
  std::vector<std::string> command{"apptainer", "exec"};
  if (job.gpus_per_node > 0) command.emplace_back("--nv");
  command.insert(command.end(), {"--bind", job.folder, "--bind", job.job_dir, job.container, inside});
  return command;
}

/// An image that is no file of Apptainer's is one for Slurm's container plugin (Pyxis).
std::string srun_options(const Submission& job) {
  if (job.container.empty() || is_apptainer(job.container)) return "";
  return " " + words({"--container-image=" + job.container,
                      fmt::format("--container-mounts={0}:{0},{1}:{1}", job.folder, job.job_dir),
                      "--container-workdir=" + job.folder});
}

/// sbatch says why in its last line: "sbatch: error: Batch job submission failed: Invalid partition name
/// specified".
std::string reason_in(const std::string& output) {
  std::string reason = output;
  for (const char* before : {"submission failed: ", "sbatch: error: ", "sbatch: "})
    if (const auto at = output.rfind(before); at != std::string::npos) {
      reason = output.substr(at + std::string(before).size());
      break;
    }
  reason.resize(std::min(reason.find('\n'), reason.size()));
  return reason;
}

std::string remedy_for(const std::string& reason) {
  static const std::vector<std::pair<const char*, const char*>> known{
      {"nvalid partition", "`sinfo` lists the partitions; choose one with --partition"},
      {"nvalid account", "`sacctmgr show associations user=$USER` lists yours; choose one with --account"},
      {"node configuration is not available",
       "no such set of nodes exists in this partition: `sinfo --Node --long` shows what does; ask for fewer "
       "nodes, ranks, "
       "cores or GPUs"},
      {"ode count specification", "the partition has fewer nodes: `sinfo` shows how many; lower --nodes"},
      {"nvalid generic resource",
       "this cluster does not know such GPUs: `sinfo --format='%P %G'` shows what it has"},
      {"ime limit", "the partition allows less time: `sinfo --format='%P %l'` shows how much; lower --time"},
      {"nvalid --time", "write --time as minutes, hours:minutes:seconds, or days-hours"},
      {"unrecognized option", "`sbatch --help` lists its options"},
      {"nable to contact", "the cluster's controller does not answer; try `scontrol ping`"},
      {"configuration source",
       "this machine has no Slurm configuration: submit from a login node of the cluster"}};
  for (const auto& [text, remedy] : known)
    if (reason.find(text) != std::string::npos) return remedy;
  return "see `sinfo` for what the cluster offers";
}

}  // namespace

const char* default_template() { return kTrainTemplate; }

std::string render(const Submission& job, const std::string& text) {
  const std::map<std::string, std::string> values{
      {"DIRECTIVES", directives(job)},     {"FOLDER", words({job.folder})},
      {"JOB_DIR", words({job.job_dir})},   {"PROGRAM", words(command_of(job))},
      {"ARGUMENTS", words(job.arguments)}, {"LAUNCHER", job.launcher},
      {"SRUN_OPTIONS", srun_options(job)}};
  std::string script;
  for (std::size_t at = 0; at < text.size();) {
    const auto begin = text.find('@', at);
    const auto end =
        begin == std::string::npos ? begin : text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_", begin + 1);
    if (end == std::string::npos) {
      script += text.substr(at);
      break;
    }
    if (text[end] != '@' || end == begin + 1) {  // an array's "${words[@]}"
      script += text.substr(at, end - at);
      at = end;
      continue;
    }
    const auto value = values.find(text.substr(begin + 1, end - begin - 1));
    if (value == values.end())
      throw ConfigError(
          fmt::format("the template has an unknown placeholder {}", text.substr(begin, end - begin + 1)));
    script += text.substr(at, begin - at) + value->second;
    at = end + 1;
  }
  return script;
}

std::string submit(const std::string& script_file) {
  Ended ended;
  try {
    ended = run_with_limit({"sbatch", "--parsable", script_file}, kLimit);
  } catch (const Error&) {
    throw ConfigError(
        "there is no sbatch on PATH: submit from a login node of the cluster, or start the job without Slurm "
        "by "
        "`ringtrain train --hosts`");
  }
  if (ended.timed_out)
    throw ConfigError(fmt::format("sbatch did not answer within {} s; try `scontrol ping`", kLimit.count()));
  if (ended.code != 0) {
    const std::string reason = reason_in(ended.output);
    throw ConfigError(fmt::format("Slurm refused the job: {}; {}. The script is {}", reason,
                                  remedy_for(reason), script_file));
  }
  // Warnings may stand before it; behind it the cluster's name.
  std::string line = ended.output;
  while (!line.empty() && line.back() == '\n') line.pop_back();
  line = line.substr(line.find_last_of('\n') + 1);
  return line.substr(0, line.find(';'));
}

std::string state_of(const std::string& job) {
  std::string state, reason;
  // The scheduler looks at a new job after a moment.
  for (int look = 0; look < 4 && (state.empty() || (state == "PENDING" && reason == "None")); ++look) {
    if (look > 0) std::this_thread::sleep_for(std::chrono::milliseconds(500));
    Ended ended;
    try {
      ended = run_with_limit({"squeue", "--noheader", "--job=" + job, "--format=%T %r"}, kLimit);
    } catch (const Error&) {
      return "";
    }
    const auto space = ended.output.find(' ');
    if (ended.code != 0 || ended.timed_out || space == std::string::npos) return "";
    state = ended.output.substr(0, space);
    reason = ended.output.substr(space + 1);
    reason.resize(std::min(reason.find('\n'), reason.size()));
  }
  if (state != "PENDING") return state;
  std::string text = fmt::format("{} ({})", state, reason);
  if (reason.starts_with("Partition") || reason.starts_with("QOSMax") || reason.starts_with("AssocMax"))
    text += fmt::format(
        "\n           It will not start: it asks for more than the partition has or allows "
        "(`sinfo --format='%P %l %D %c'`: time, nodes, cores of a node).\n"
        "           Cancel it, and ask for less");
  return text;
}

}  // namespace ringtrain::slurm
