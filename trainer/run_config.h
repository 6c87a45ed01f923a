#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/config.h"
#include "common/kind_choice.h"
#include "common/yaml_reader.h"
#include "models/model.h"
#include "trainer/behaviour/behaviour_config.h"
#include "trainer/callbacks/callbacks_config.h"
#include "trainer/checkpoint/checkpoint_config.h"
#include "trainer/data_kinds/data_config.h"
#include "trainer/learn_config.h"
#include "trainer/optimizer/optimizer_config.h"
#include "trainer/tasks/task_config.h"
#include "trainer/weights/weights_config.h"

namespace ringtrain {

/// The `model:` block: a kind and its options, and the weights that it begins with.
struct ModelConfig : KindChoice<ModelKind> {
  explicit ModelConfig(const Kinds& known = built_in_models())
      : KindChoice("model", "Kind of model.", "mlp", known) {}
  WeightsConfig weights;
  void describe(config::Visitor& v) {
    KindChoice::describe(v);
    v.section("weights", "What training begins with in place of random weights (docs/weights.md).", weights);
  }
};

/// A library whose kinds were added (trainer/plugins/plugin.h).
struct PluginFile {
  std::string file, hash;  ///< its full name; of its content
};

/// The kinds that a configuration may name. What is added to it is on a par with what is built in.
struct Catalogue {
  std::vector<std::shared_ptr<DataKind>> data;
  std::vector<std::shared_ptr<ModelKind>> models;
  std::vector<std::shared_ptr<TaskKind>> tasks;
  std::vector<std::shared_ptr<OptimizerKind>> optimizers;
  std::vector<std::shared_ptr<ScheduleKind>> schedules;
  std::vector<std::shared_ptr<CallbackKind>> callbacks = {};
  std::vector<PluginFile> plugins = {};  ///< where some of them came from

  /// What ringtrain brings.
  static Catalogue built_in();
  /// Throws ConfigError when a kind of that name is there.
  void add(std::shared_ptr<DataKind> kind);
  void add(std::shared_ptr<ModelKind> kind);
  void add(std::shared_ptr<TaskKind> kind);
  void add(std::shared_ptr<OptimizerKind> kind);
  void add(std::shared_ptr<ScheduleKind> kind);
  void add(std::shared_ptr<CallbackKind> kind);
};

/// How long without progress, in seconds; 0: for ever.
struct StallConfig {
  double starting = 3600, loading = 600, computing = 1800, waiting = 600, evaluating = 1800,
         checkpointing = 3600, exporting = 3600;
  void describe(config::Visitor& v);
};

/// The `trainer.watch:` block: when a rank counts as lost.
struct WatchConfig {
  double heartbeat_timeout = 60;
  StallConfig stall_timeout;
  void describe(config::Visitor& v);
};

/// The `trainer:` block.
struct TrainerConfig {
  std::string steps = "epochs";  ///< epochs | auto (trainer/step_plan.h)
  std::int64_t auto_steps = 0;   ///< steps: auto. What the run decided on; 0: not yet
  double auto_seconds = 300;
  std::int64_t epochs = 10;
  std::int64_t max_steps = 0;
  std::int64_t global_batch_size = 256;
  std::int64_t accumulate = 1;
  std::string precision = "float32";
  std::string device = "auto";
  std::string cuda_graph = "auto";
  bool share_gpus = false;
  std::string tf32 = "convolutions";  ///< none | convolutions | all
  bool cudnn_search = false;
  bool weight_copies = true;
  std::string start_from;  ///< a folder (checkpoint/found_checkpoint.h), or empty
  std::int64_t threads_per_rank = 1;
  double clip_norm = 0;
  std::int64_t evaluate_every_steps = 0;
  std::int64_t log_every_steps = 50;
  bool save_predictions = false;
  bool report = true;
  bool tensorboard = false;
  std::int64_t histograms_every_steps = 0;
  bool sync_batch_norm = false;
  bool shard_optimizer = false;
  std::int64_t check_replicas_every_steps = 100;
  std::string non_finite = "stop";  ///< stop | skip
  std::int64_t max_skipped_steps = 10;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  EarlyStoppingConfig early_stopping;
  AverageConfig average;
  CallbackList callbacks;
  CheckpointConfig checkpoint;
  WatchConfig watch;
  void describe(config::Visitor& v);
};

struct CommConfig {
  std::string backend = "auto";
  std::string algorithm = "auto";     ///< auto | ring | mpi
  std::string overlap = "auto";       ///< auto | on | off
  std::string bucket_bytes = "auto";  ///< auto, or a number
  std::string wire_dtype = "float32";
  void describe(config::Visitor& v);
};

/// The `export:` block.
struct ExportConfig {
  bool enabled = true;
  std::string name;
  std::string repository;  ///< BASE; JOB_DIR/export when empty
  std::string from = "best";
  std::vector<std::string> formats{"torchscript", "onnx"};
  std::string inputs = "matrix";
  void describe(config::Visitor& v);
};

/// A whole run, as a YAML file describes it.
struct RunConfig {
  explicit RunConfig(const Catalogue& catalogue = Catalogue::built_in())
      : data(catalogue.data), model(catalogue.models), task(catalogue.tasks) {
    trainer.callbacks.known = catalogue.callbacks;
    trainer.optimizer = OptimizerConfig(catalogue.optimizers);
    trainer.schedule = ScheduleConfig(catalogue.schedules);
    for (const auto& plugin : catalogue.plugins) plugins.push_back(plugin.file);
    loaded_plugins = catalogue.plugins;
  }

  std::vector<std::string> plugins;        ///< what is to be loaded
  std::vector<PluginFile> loaded_plugins;  ///< what was, with the environment's
  std::string name = "model";
  std::int64_t seed = 42;
  std::string job_dir;  ///< jobs/NAME when empty
  DataConfig data;
  ModelConfig model;
  TaskConfig task;
  TrainerConfig trainer;
  CommConfig comm;
  ExportConfig export_;
  std::vector<BehaviourTest> tests;
  LearnConfig learn;
  void describe(config::Visitor& v);

  /// Reads a file with the command line's overrides ("trainer.epochs=3"), and fills in what defaults depend
  /// on other fields. The kinds of its `plugins` are known beside those of `catalogue`. Throws ConfigError
  /// with all problems.
  static RunConfig load(const std::string& file, const std::vector<std::string>& overrides,
                        const Catalogue& catalogue = Catalogue::built_in());
  /// From the text of a resolved configuration (a job folder's config.yaml).
  static RunConfig from_text(const std::string& text, const std::string& name,
                             const Catalogue& catalogue = Catalogue::built_in());
  /// The resolved configuration as YAML.
  std::string to_yaml() const;

 private:
  static RunConfig read(const config::YamlDocument& document, Catalogue catalogue);
  void resolve();
};

}  // namespace ringtrain
