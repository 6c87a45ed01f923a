#include "launch/commands/model_export.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "common/config_writer.h"
#include "common/errors.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/text.h"
#include "data/schema/collate.h"
#include "data/table/table_dataset.h"
#include "launch/behaviour/tests_of_run.h"
#include "launch/drift/scores.h"
#include "launch/version.h"
#include "serving/export/exporter.h"

namespace ringtrain {

std::vector<std::string> verify_command() {
  return {std::filesystem::read_symlink("/proc/self/exe").string(), "verify-export"};
}

static std::string now_utc() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

/// What evaluating the model needs to know of its task.
static std::string task_text(TaskConfig task) {
  return config::to_yaml([&task](config::Visitor& v) { task.describe(v); });
}

/// Places of up to 512 samples, fewer of large ones.
static std::vector<std::int64_t> spread(const Dataset& part, const Signature& signature) {
  constexpr std::int64_t most = 1 << 22;  // values
  const auto count =
      std::min({part.size(), std::int64_t{512}, std::max<std::int64_t>(1, most / signature.values())});
  std::vector<std::int64_t> places;
  for (std::int64_t i = 0; i < count; ++i) places.push_back(i * part.size() / count);
  return places;
}

/// Throws ExportError for samples that the exported model would not be given.
static Fields served(const Signature& signature, const Fields& inputs) {
  auto result = as_served(signature, inputs);
  try {
    require_inputs(signature, result);
  } catch (const DataError& error) {
    throw ExportError(
        fmt::format("samples of the test part are not what the signature says: {}", error.what()));
  }
  return result;
}

/// Rows of the test part, answered by the trained model as training itself reads them.
static std::optional<TrainedRows> trained_rows(const TrainedModel& trained) {
  const auto& data = trained.data;
  const auto& signature = data.preprocessing.signature;
  const auto places = signature ? spread(*data.test, *signature) : data.test_sample.places;
  if (places.empty()) return std::nullopt;
  const at::NoGradGuard no_grad;
  const auto& model = trained.replica.model;
  const Batch batch = data.test->read(places);
  const bool was_training = model->is_training();
  model->eval();
  TrainedRows result;
  result.rows.numeric = data.test_sample.numeric;
  result.rows.categorical = data.test_sample.categorical;
  if (signature) result.rows.tensors = served(*signature, batch.inputs);
  result.inputs = batch.inputs;
  result.outputs = model.forward(batch.inputs.to(model->parameters().front().device()));
  result.targets = batch.targets.only();
  model->train(was_training);
  return result;
}

/// What the model learned from, and how it answers; none where no table was held in memory.
static nlohmann::json schema_sections(const Manifest& manifest, const TrainedModel& trained) {
  auto sections = nlohmann::json::object();
  const auto* const table = dynamic_cast<const TableDataset*>(trained.data.train.get());
  if (!table || table->profile().empty()) return sections;
  auto profile = table->profile();
  profile.scores = drift::scores_of_trained(manifest, trained.data, trained.replica.model, profile.scored);
  sections[kProfileSection] = profile.to_json();
  return sections;
}

/// What is known of the export before training.
static ExportRequest request_of(const RunConfig& config, const TrainedModel& trained) {
  ExportRequest request;
  request.base = config.export_.repository.empty() ? std::filesystem::path(config.job_dir) / "export"
                                                   : std::filesystem::path(config.export_.repository);
  request.model = trained.replica.model;
  request.make_copy = trained.make_model;
  Manifest& manifest = request.manifest;
  manifest.name = config.export_.name;
  manifest.task = config.task.type;
  manifest.preprocessing = trained.data.preprocessing;
  manifest.head = trained.head;
  manifest.inputs = config.export_.inputs;
  return request;
}

TrainedModel trained_by(const Trainer& trainer, const Outcome* outcome) {
  return {.data = trainer.data(),
          .replica = trainer.replica(),
          .checkpoints = trainer.checkpoints(),
          .head = outcome ? outcome->head : trainer.task().head(),
          .make_model = [&trainer] { return trainer.make_model(); },
          .metrics = outcome ? outcome->test.to_json() : nlohmann::ordered_json(),
          .step = outcome ? outcome->exported_step : 0};
}

std::vector<std::string> choose_formats(const RunConfig& config, const TrainedModel& trained) {
  auto request = request_of(config, trained);
  request.formats = config.export_.formats;
  const bool automatic = request.formats == std::vector<std::string>{"auto"};
  if (automatic) request.formats = {"torchscript", "onnx", "savedmodel"};
  require_fitting_tests(config.tests, request.manifest, config.task.kind());
  const auto problems = unwritable_formats(request);
  std::vector<std::string> lines;
  for (const auto& problem : problems) {
    lines.push_back(fmt::format("the model cannot be exported as {}: {}", problem.format, problem.why));
    std::erase(request.formats, problem.format);
  }
  const bool none = request.formats.empty() || request.formats == std::vector<std::string>{"savedmodel"};
  if (!lines.empty() && (!automatic || none))
    throw ExportError(join(lines, "\n") +
                      "\nChange the model's forward, leave such formats out of export.formats, or set "
                      "export.enabled: false");
  for (const auto& line : lines) log::info(line);
  return request.formats;
}

Exported export_trained(const RunConfig& config, const TrainedModel& trained,
                        const std::vector<std::string>& formats, int ranks) {
  auto request = request_of(config, trained);
  request.formats = formats;
  Manifest& manifest = request.manifest;
  manifest.metrics = trained.metrics;
  manifest.provenance = {{"config_hash", hash_text(config.to_yaml())},
                         {"data_file", config.data.train_file},
                         {"data_hash", trained.data.file_hash},
                         {"task", task_text(config.task)},
                         {"checkpoint", trained.checkpoints.folder_of(trained.step).string()},
                         {"checkpoint_hash", trained.checkpoints.hash(trained.step)},
                         {"step", trained.step},
                         {"ranks", ranks},
                         {"libraries", library_versions()},
                         {"created", now_utc()}};
  manifest.provenance.update(trained.provenance);
  for (const auto& plugin : config.loaded_plugins)
    manifest.provenance["plugins"].push_back({{"file", plugin.file}, {"hash", plugin.hash}});
  request.schema_sections = schema_sections(manifest, trained);
  request.trained = trained_rows(trained);
  // So that `retrain` needs no job folder.
  request.add_training = [&](const std::filesystem::path& folder) {
    trained.checkpoints.copy_without_optimizer(trained.step, folder);
  };
  Exported exported;
  if (!config.tests.empty())
    request.judge = [&](const std::filesystem::path& folder, Manifest& of_version) {
      exported.tests = trained.run_tests ? trained.run_tests(folder) : run_tests_of(config, folder);
      of_version.tests = kept_tests(config.tests, exported.tests);
    };
  exported.version = export_model(request, verify_command());
  return exported;
}

}  // namespace ringtrain
