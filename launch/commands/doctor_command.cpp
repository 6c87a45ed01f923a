#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "comm/agreement.h"
#include "comm/gpu.h"
#include "comm/world.h"
#include "common/errors.h"
#include "common/exit_code.h"
#include "launch/acceptance/acceptance.h"
#include "launch/acceptance/rank_checks.h"
#include "launch/commands/commands.h"
#include "launch/doctor/diagnosis.h"
#include "launch/doctor/host_facts.h"
#include "launch/findings_table.h"
#include "launch/mpirun/mpirun_launcher.h"
#include "launch/mpirun/rank_options.h"
#include "launch/mpirun/subprocess.h"

namespace ringtrain {
namespace {

using nlohmann::json;

struct Arguments {
  RankOptions ranks;
  std::string job_dir = "jobs", launcher;
  bool as_json = false, as_rank = false, colour = false;
  std::string output = "ringtrain-acceptance.json", part;
  bool acceptance = false, quick = false, share_gpus = false;
};

/// Of each host's first rank, in the order of hosts.
std::vector<json> of_hosts(World& world, const doctor::Layout& layout, const json& mine) {
  const auto texts = all_gather_strings(world.control(), mine.dump());
  std::vector<json> facts;
  for (const int rank : layout.first_ranks)
    facts.push_back(json::parse(texts[static_cast<std::size_t>(rank)]));
  return facts;
}

int examine(const Arguments& arguments) {
  World world;
  const bool first = world.rank() == 0, speaks_for_host = world.local_rank() == 0;
  doctor::Examination all;
  all.launcher = arguments.launcher;
  all.layout = doctor::find_layout(world);
  // One rank a host at a time on its memory: else they measure each other.
  all.hosts = of_hosts(world, all.layout, speaks_for_host ? doctor::host_facts() : json());
  all.folder = std::filesystem::absolute(arguments.job_dir).lexically_normal().string();
  all.token = broadcast_string(world.control(), first ? std::to_string(std::random_device{}()) : "", 0);
  json folder = first ? doctor::folder_facts(all.folder, all.token, true) : json();
  world.control().barrier();
  if (!first && speaks_for_host) folder = doctor::folder_facts(all.folder, all.token, false);
  all.folders = of_hosts(world, all.layout, folder);
  if (first && folder["problem"].get<std::string>().empty()) {
    all.folder_bytes_a_second = doctor::folder_speed(all.folder);
    std::filesystem::remove(std::filesystem::path(all.folder) / ".ringtrain-doctor");
  }
  world.control().barrier();
  all.clocks = doctor::measure_clocks(world, all.layout);
  all.links = doctor::measure_links(world, all.layout);
  if (world.world_size() > 1) all.all_reduce = doctor::measure_all_reduce(world);

  bool is_bad = false;
  if (first) {
    const auto findings = doctor::diagnose(all);
    is_bad = worst_level(findings) == Finding::Level::bad;
    if (arguments.as_json)
      fmt::print("{}\n", findings_json(findings).dump(1));
    else
      fmt::print("ringtrain doctor: {} ranks on {} hosts\n\n{}", world.world_size(), all.layout.hosts.size(),
                 findings_table(findings, {.colour = arguments.colour}));
    std::fflush(stdout);
  }
  is_bad = broadcast_string(world.control(), is_bad ? "1" : "0", 0) == "1";
  world.close();
  return is_bad ? ExitCode::failure : ExitCode::success;
}

std::string first_line_of(const std::vector<std::string>& command) {
  try {
    const Ended ended = run_with_limit(command, std::chrono::seconds(10));
    return ended.code == 0 ? ended.output.substr(0, ended.output.find('\n')) : "";
  } catch (const Error&) {
    return "";
  }
}

/// A rank of a part of --acceptance.
int check(const Arguments& arguments) {
  World world;
  const acceptance::RankOptions options{.share_gpus = arguments.share_gpus, .quick = arguments.quick};
  if (arguments.part != "collectives" && arguments.part != "bandwidth")
    throw ConfigError("doctor --part: collectives or bandwidth, not " + arguments.part);
  const json answer = arguments.part == "collectives" ? acceptance::check_collectives(world, options)
                                                      : acceptance::measure_bandwidth(world, options);
  if (world.rank() == 0) {
    fmt::print("{}{}\n", acceptance::kAnswer, answer.dump());
    std::fflush(stdout);
  }
  world.close();
  return ExitCode::success;
}

int start_check(const Arguments& arguments) {
  auto job = mpirun_job(arguments.ranks);
  if (!job) throw ConfigError("doctor --part is what --acceptance starts; it needs --ranks");
  job->stops_with_checkpoint = false;
  std::vector<std::string> words{"doctor", "--as-rank", "--part", arguments.part};
  if (arguments.quick) words.emplace_back("--quick");
  if (arguments.share_gpus) words.emplace_back("--share-gpus");
  return run_under_mpirun(*job, words).code;
}

int accept(const Arguments& arguments) {
  auto job = mpirun_job(arguments.ranks);
  if (!job && World::launched_by_mpi())
    throw ConfigError("doctor --acceptance starts ranks itself: call it without mpirun and srun");
  acceptance::Options options{.ranks = 2,
                              .rank_words = {},
                              .job_dir = arguments.job_dir,
                              .output = arguments.output,
                              .share_gpus = arguments.share_gpus,
                              .quick = arguments.quick};
  options.ranks = job ? job->ranks : std::max(2, static_cast<int>(find_gpus().ids.size()));
  options.rank_words = {"--ranks", std::to_string(options.ranks)};
  if (!arguments.ranks.hosts.empty())
    options.rank_words.insert(options.rank_words.end(), {"--hosts", arguments.ranks.hosts});
  if (!arguments.ranks.hostfile.empty())
    options.rank_words.insert(options.rank_words.end(), {"--hostfile", arguments.ranks.hostfile});
  return acceptance::run(options) ? ExitCode::success : ExitCode::failure;
}

int run(const Arguments& arguments) {
  if (!arguments.part.empty()) return arguments.as_rank ? check(arguments) : start_check(arguments);
  if (arguments.acceptance) return accept(arguments);
  if (arguments.as_rank) return examine(arguments);
  auto job = mpirun_job(arguments.ranks);
  if (!job && World::launched_by_mpi()) return examine(arguments);
  if (!job) job.emplace().ranks = 2;
  job->stops_with_checkpoint = false;
  std::vector<std::string> words{"doctor",     "--as-rank",
                                 "--job-dir",  arguments.job_dir,
                                 "--launcher", first_line_of({find_mpirun(), "--version"})};
  if (arguments.as_json) words.emplace_back("--json");
  if (::isatty(STDOUT_FILENO) == 1) words.emplace_back("--colour");  // a rank's output is mpirun's
  return run_under_mpirun(*job, words).code;
}

}  // namespace

void add_doctor_command(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("doctor",
                                     "Examine this machine, or hosts, before training there: versions, "
                                     "cores, limits, GPUs, links, clocks, the job folder.");
  arguments->ranks.add_to(*command);
  command->add_option("--job-dir", arguments->job_dir, "The folder that runs will lie in (jobs)");
  command->add_flag("--json", arguments->as_json, "The findings as JSON");
  auto* acceptance =
      command->add_flag("--acceptance", arguments->acceptance,
                        "Try out what training needs of these GPUs and hosts, in ten minutes: collectives, "
                        "bandwidth, N ranks against one, resuming, a killed rank");
  command->add_option("--output", arguments->output, "Where its report goes (ringtrain-acceptance.json)")
      ->needs(acceptance);
  command->add_flag("--quick", arguments->quick, "--acceptance in a minute: smaller sizes, fewer ways");
  command->add_flag("--share-gpus", arguments->share_gpus,
                    "--acceptance with several ranks on one GPU, to try it out");
  command->add_option("--part", arguments->part)->group("");
  command->add_flag("--as-rank", arguments->as_rank)->group("");
  command->add_flag("--colour", arguments->colour)->group("");
  command->add_option("--launcher", arguments->launcher)->group("");
  command->footer(
      "Examples:\n"
      "  ringtrain doctor\n"
      "  ringtrain doctor --hosts node1:8,node2:8 --job-dir /shared/jobs\n"
      "  ringtrain doctor --acceptance --ranks 8\n"
      "  srun --mpi=pmix --nodes 4 --ntasks-per-node 8 ringtrain doctor\n"
      "Exit code 1 when something is bad. It writes two small files to the job folder and removes them.");
  command->callback([arguments, &program] { program.exit_code = run(*arguments); });
}

}  // namespace ringtrain
