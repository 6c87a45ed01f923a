#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "trainer/run_config.h"

namespace ringtrain {

/// A training that is a process of its own.
struct Training {
  std::string name;                    ///< for messages: "fold 2 of 5"
  std::filesystem::path folder;        ///< of the run
  std::vector<std::string> arguments;  ///< of `train`, but for --job-dir and --resume
};

struct TrainingEnd {
  int code = 0;     ///< its exit code; 128 + N when signal N ended it
  std::string why;  ///< the last message that it wrote; "" when all went well
  double seconds = 0;
};

/// The training that is to be run next; nothing where there is none now. It is asked again when one has
/// ended.
using NextTraining = std::function<std::optional<Training>()>;
/// Told of each one that went well.
using TrainingEnded = std::function<void(const Training&, const TrainingEnd&)>;
/// Told of one that failed by itself (ExitCode::training); returns whether the others go on.
using TrainingFailed = std::function<bool(const Training&, const TrainingEnd&)>;

/// Runs trainings of this program, at most `jobs` at once; what each says goes into FOLDER/output.txt. One
/// that has a checkpoint goes on from it. Returns when nothing is left.
///
/// Throws Error with the training's exit code that names the first one that failed, after the others have
/// been stopped with a checkpoint; Error with ExitCode::stopped after a signal, when all have stopped so.
/// They end with this process, however it ends. Waits for a training of an earlier process that still writes.
void run_side_by_side(int jobs, const NextTraining& next, const TrainingEnded& ended,
                      const TrainingFailed& failed);

/// How many trainings of `ranks` ranks each this machine runs well at once: by its cores, or by its GPUs
/// where the configuration takes them. One at least.
int jobs_of_machine(const RunConfig& config, int ranks);

}  // namespace ringtrain
