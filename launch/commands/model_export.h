#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "launch/behaviour/behaviour_run.h"
#include "serving/repository/manifest.h"
#include "trainer/trainer.h"

namespace ringtrain {

/// What is exported, whoever trained it; it outlives the calls below.
struct TrainedModel {
  const PreparedData& data;  ///< of its test part the export is checked with rows
  const Replica& replica;
  const CheckpointStore& checkpoints;
  Head head;
  std::function<Network()> make_model;  ///< a fresh one of the same kind
  nlohmann::json metrics{};
  std::int64_t step = 0;  ///< the checkpoint that the replica is
  /// Further fields of the manifest's provenance.
  nlohmann::json provenance = nlohmann::json::object();
  /// Runs the configuration's tests on the version; null: on the run's test part (behaviour/tests_of_run.h).
  std::function<BehaviourResults(const std::filesystem::path& version)> run_tests = nullptr;
};
/// What a trainer holds; after `fit`, with its outcome, what is to be exported.
TrainedModel trained_by(const Trainer& trainer, const Outcome* outcome = nullptr);

/// The formats that the trained model will be written in: those of the configuration, or, with auto, those
/// that it can be written in (the log says what cannot). Before training: throws ExportError that names all
/// formats that cannot be written, with the operators they lack; ConfigError for `tests` that do not fit the
/// model.
std::vector<std::string> choose_formats(const RunConfig& config, const TrainedModel& trained);

struct Exported {
  std::filesystem::path version;  ///< BASE/NAME/VERSION; BASE: export.repository, or JOB_DIR/export
  BehaviourResults tests;         ///< of the run's `tests`
};

/// Exports the model, and runs the tests on it, whose results go into the manifest; one that fails is told
/// and does not keep the version from being published. Throws ExportError.
Exported export_trained(const RunConfig& config, const TrainedModel& trained,
                        const std::vector<std::string>& formats, int ranks);

/// The command that checks an export in a fresh process: this program again.
std::vector<std::string> verify_command();

}  // namespace ringtrain
