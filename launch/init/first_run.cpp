#include "launch/init/first_run.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "comm/launcher.h"
#include "common/errors.h"
#include "common/files.h"
#include "common/yaml_reader.h"
#include "launch/commands/remote_job.h"
#include "launch/init/first_config.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

/// Its text and its table.
struct Written {
  std::string name, yaml;
};

Written look_at(const std::string& data, const std::string& target) {
  const auto table = profile_table(data);
  const auto config = propose(table, target);
  fmt::print("{}\n", config.to_table(table));
  return {config.name, config.to_yaml(table)};
}

}  // namespace

std::string write_first_config(const std::string& data, const std::string& target,
                               const std::string& output) {
  const auto file = output.empty() ? name_after(data) + ".yaml" : output;
  if (fs::exists(file))
    throw ConfigError(
        fmt::format("{} is there already; remove it, or name another file with --output", file));
  write_file_atomically(file, look_at(data, target).yaml);
  return file;
}

std::string first_config_in_job(const std::string& data, const std::string& target,
                                const std::vector<std::string>& overrides, bool goes_on,
                                const Catalogue& catalogue) {
  if (launcher::started_rank())
    throw ConfigError(fmt::format(
        "{} is data, and this process is a rank already: all ranks read one configuration. Write it with "
        "`ringtrain init {}`, or let ringtrain start the ranks: --ranks N",
        data, data));
  // Where the run's folder is may depend on the overrides, and on the data's name alone before that.
  const auto name = name_after(data);
  RunConfig run(catalogue);
  config::YamlDocument::from_text(fmt::format("name: {}\ndata: {{train_file: data, target: target}}\n"
                                              "trainer: {{steps: auto}}\n",
                                              name),
                                  data, overrides)
      .read([&run](config::Visitor& v) { run.describe(v); });
  if (run.job_dir.empty()) run.job_dir = "jobs/" + run.name;
  const fs::path folder = local_job_folder(run);
  const auto file = (folder / (name + ".yaml")).string();
  if (goes_on && fs::exists(file)) return file;
  const auto written = look_at(data, target);
  ensure_writable_folder(folder);
  write_file_atomically(file, written.yaml);
  fmt::print("Configuration  {}\n\n", file);
  std::fflush(stdout);
  return file;
}

void require_configuration(const std::string& config) {
  if (is_table_file(config))
    throw ConfigError(
        fmt::format("{} is data; this command takes a configuration. `ringtrain init {} --target COLUMN` "
                    "writes one",
                    config, config));
}

}  // namespace ringtrain
