#include "launch/acceptance/acceptance.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "common/errors.h"
#include "common/files.h"
#include "common/text.h"
#include "launch/acceptance/commands.h"
#include "launch/acceptance/parts.h"
#include "launch/doctor/host_facts.h"
#include "launch/mpirun/subprocess.h"
#include "launch/version.h"

namespace ringtrain::acceptance {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A folder that goes with this object.
struct TemporaryFolder {
  fs::path path;
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

std::string output_of(const std::vector<std::string>& command) {
  try {
    return run_with_limit(command, std::chrono::seconds(20)).output;
  } catch (const Error& error) {
    return error.what();
  }
}

/// What somebody far away wants to know of this machine.
json description(const Options& options) {
  return {{"version", version_text()},
          {"ranks", options.ranks},
          {"started_with", options.rank_words},
          {"quick", options.quick},
          {"share_gpus", options.share_gpus},
          {"host", doctor::host_facts()},
          {"system", output_of({"uname", "-a"})},
          {"nvidia_smi", output_of({"nvidia-smi"})},
          {"gpu_topology", output_of({"nvidia-smi", "topo", "-m"})}};
}

json try_part(const Part& part, Commands& commands) {
  const auto begin = std::chrono::steady_clock::now();
  json result{{"name", part.name}, {"passed", false}, {"details", json::object()}};
  try {
    result["summary"] = part.run(commands, result["details"]);
    result["passed"] = true;
  } catch (const std::exception& error) {
    result["summary"] = error.what();
  }
  result["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  result["output"] = commands.take_output();
  return result;
}

void write_report(const fs::path& file, const json& report) {
  // Output of other programs may be of any encoding.
  write_file_atomically(file, report.dump(1, ' ', false, json::error_handler_t::replace) + "\n");
}

}  // namespace

bool run(const Options& options) {
  if (options.ranks < 2)
    throw ConfigError("doctor --acceptance tries what ranks do together: it needs 2 at least (--ranks 2)");
  ::setenv("NCCL_DEBUG", "VERSION", /*replace=*/0);  // the report names NCCL's version then
  const TemporaryFolder folder{fs::absolute(options.job_dir) / (".acceptance-" + unique_word())};
  Commands commands(options, folder.path);
  json report = description(options);
  report["parts"] = json::array();
  report["passed"] = false;
  report["complete"] = false;
  write_report(options.output, report);
  const auto all = parts();
  fmt::print("ringtrain doctor --acceptance: {} ranks, {} parts, about {} minutes; the report is {}\n",
             options.ranks, all.size(), options.quick ? 1 : 10, options.output.string());
  bool passed = true;
  for (std::size_t i = 0; i < all.size(); ++i) {
    fmt::print("  {}/{} {:<12} ", i + 1, all.size(), all[i].name);
    std::fflush(stdout);
    report["parts"].push_back(try_part(all[i], commands));
    const json& result = report["parts"].back();
    passed = passed && result["passed"].get<bool>();
    fmt::print("{} {:5.1f} s  {}\n", result["passed"].get<bool>() ? "passed" : "FAILED",
               result["seconds"].get<double>(), result["summary"].get<std::string>());
    std::fflush(stdout);
    report["complete"] = i + 1 == all.size();
    report["passed"] = passed && report["complete"].get<bool>();
    write_report(options.output, report);
  }
  fmt::print("{}: {}\n", passed ? "all parts passed" : "SOME PARTS FAILED", options.output.string());
  return passed;
}

}  // namespace ringtrain::acceptance
