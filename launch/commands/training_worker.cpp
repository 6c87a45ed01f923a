#include "launch/commands/training_worker.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "comm/agreement.h"
#include "comm/watch/rank_watch.h"
#include "common/exit_code.h"
#include "common/files.h"
#include "common/log.h"
#include "common/text.h"
#include "launch/commands/model_export.h"
#include "launch/commands/outcome_text.h"
#include "launch/commands/rank_main.h"
#include "launch/commands/remote_job.h"
#include "launch/mpirun/rank_cores.h"
#include "launch/report/report.h"
#include "launch/version.h"
#include "trainer/plugins/plugins.h"
#include "trainer/setup/watch_limits.h"

namespace ringtrain {
namespace {

/// Rank 0 alone; "" where it is switched off. A run is not lost for want of its report.
std::string write_report_of(const RunConfig& config, const Catalogue& catalogue) {
  if (!config.trainer.report) return "";
  try {
    return report::write_report({config.job_dir}, {}, catalogue, report::effort_at_end()).string();
  } catch (const std::exception& error) {
    log::warn(fmt::format("the report could not be written: {}", error.what()));
    return "";
  }
}

int train(World& world, const std::string& config_file, const std::vector<std::string>& overrides,
          const StartOptions& start, const Catalogue& catalogue, const StopSignal& signal) {
  RunConfig config(catalogue);
  agree_on(world.control(), "the version of ringtrain or of its libraries", version_text());
  together(world.control(), "reading the configuration",
           [&] { config = RunConfig::load(config_file, overrides, catalogue); });
  agree_on(world.control(), "the list of plugins", plugins_text(config.loaded_plugins));
  std::optional<RemoteJob> remote;
  together(world.control(), "fetching the job folder", [&] {
    const Location place(config.job_dir);
    config.job_dir = local_job_folder(config).string();
    if (place.is_remote() && world.rank() == 0) remote.emplace(place, config.job_dir);
  });
  const auto finish_remote = [&] {
    together(world.control(), "putting the job folder into its store", [&] {
      if (remote) remote->finish();
    });
  };
  StartOptions options = start;
  options.device_chosen = [&](const std::string& device) {
    bind_near(world, device, static_cast<int>(config.trainer.threads_per_rank));
  };
  const auto watch = watch_ranks(world, limits_of(config.trainer.watch));
  Trainer trainer(world, config, options, signal);
  std::vector<std::string> formats;
  together(world.control(), "looking whether the model can be exported", [&] {
    if (world.rank() == 0 && config.export_.enabled) formats = choose_formats(config, trained_by(trainer));
    if (world.rank() == 0 && !config.export_.enabled && !config.tests.empty())
      log::warn("tests: they are run on the exported model, and this run exports none");
  });
  const Outcome outcome = trainer.fit();
  if (outcome.stopped) {
    finish_remote();
    return ExitCode::stopped;
  }
  Exported exported;
  world.beacon().enter(world.rank() == 0 ? Phase::exporting : Phase::waiting);
  together(world.control(), "exporting the model", [&] {
    if (world.rank() == 0 && config.export_.enabled)
      exported = export_trained(config, trained_by(trainer, &outcome), formats, world.world_size());
  });
  together(world.control(), "writing the report", [&] {
    if (world.rank() == 0)
      print_outcome(config, trainer, outcome, exported, write_report_of(config, catalogue));
  });
  finish_remote();
  return ExitCode::success;
}

}  // namespace

int run_training_worker(const std::string& config_file, const std::vector<std::string>& overrides,
                        const StartOptions& start, const Catalogue& catalogue) {
  return rank_main([&](World& world, const StopSignal& signal) {
    return train(world, config_file, overrides, start, catalogue, signal);
  });
}

}  // namespace ringtrain
