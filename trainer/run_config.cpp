#include "trainer/run_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/config_writer.h"
#include "common/errors.h"
#include "common/text.h"
#include "common/yaml_reader.h"
#include "storage/location.h"
#include "trainer/plugins/plugins.h"

namespace ringtrain {

using config::at_least;
using config::non_negative;
using config::positive;

namespace {

template <class Kind>
void add_kind(std::vector<std::shared_ptr<Kind>>& kinds, std::shared_ptr<Kind> kind, const char* what) {
  for (const auto& known : kinds)
    if (known->name() == kind->name())
      throw ConfigError(
          fmt::format("a {} of the name '{}' is there already; give yours another name", what, kind->name()));
  kinds.push_back(std::move(kind));
}

}  // namespace

Catalogue Catalogue::built_in() {
  return {.data = built_in_data(),
          .models = built_in_models(),
          .tasks = built_in_tasks(),
          .optimizers = built_in_optimizers(),
          .schedules = built_in_schedules(),
          .callbacks = {}};
}
void Catalogue::add(std::shared_ptr<DataKind> kind) { add_kind(data, std::move(kind), "data format"); }
void Catalogue::add(std::shared_ptr<ModelKind> kind) { add_kind(models, std::move(kind), "model"); }
void Catalogue::add(std::shared_ptr<TaskKind> kind) { add_kind(tasks, std::move(kind), "task"); }
void Catalogue::add(std::shared_ptr<CallbackKind> kind) { add_kind(callbacks, std::move(kind), "callback"); }
void Catalogue::add(std::shared_ptr<OptimizerKind> kind) {
  add_kind(optimizers, std::move(kind), "optimizer");
}
void Catalogue::add(std::shared_ptr<ScheduleKind> kind) { add_kind(schedules, std::move(kind), "schedule"); }

void StallConfig::describe(config::Visitor& v) {
  v.field("starting", starting, "Reading the data, making the model.", non_negative());
  v.field("loading", loading, "Waiting for a batch of its own reader.", non_negative());
  v.field("computing", computing, "Forward, backward, the update of one step.", non_negative());
  v.field("waiting", waiting, "All ranks wait for each other.", non_negative());
  v.field("evaluating", evaluating, "One batch of an evaluation.", non_negative());
  v.field("checkpointing", checkpointing, "The checkpoint before is not written yet.", non_negative());
  v.field("exporting", exporting, "Exporting and checking the model.", non_negative());
}

void WatchConfig::describe(config::Visitor& v) {
  v.field("heartbeat_timeout", heartbeat_timeout,
          "A rank that gives no sign of life for so many seconds (stopped, its host or network down) ends "
          "the job; "
          "the message names it. 0: never.",
          non_negative());
  v.section("stall_timeout",
            "A rank that is alive, but makes no progress for so many seconds, ends the job; by what it is "
            "doing. 0: "
            "never.",
            stall_timeout);
}

void TrainerConfig::describe(config::Visitor& v) {
  v.variants(
      "steps", steps, "Who chooses the number of optimizer steps.",
      {{"epochs", "You.",
        [this](config::Visitor& inner) {
          inner.field("epochs", epochs, "Passes over the training part.", at_least(1));
          inner.field("max_steps", max_steps,
                      "Ends after so many optimizer steps, if that comes first. 0: no limit.",
                      non_negative());
        }},
       {"auto",
        "The run: 3,000 steps or 30 epochs, whichever is more, but no more than auto_seconds take at the "
        "speed of the first steps. It evaluates 50 times (evaluate_every_steps: 0) and stops early after a "
        "fifth of the steps without a better trainer.checkpoint.metric (early_stopping.patience: 0).",
        [this](config::Visitor& inner) {
          inner.field("auto_seconds", auto_seconds,
                      "About how long the steps may take; evaluations and checkpoints come on top.",
                      positive());
          inner.field(
              "auto_steps", auto_steps,
              "The number that the run has decided on: it stands in the job folder's config.yaml, and "
              "a run that is given it takes it. 0: not decided yet.",
              non_negative());
        }}});
  v.field("global_batch_size", global_batch_size,
          "Samples of one optimizer step, over all ranks. It does not depend on the number of ranks.",
          at_least(1));
  v.field("accumulate", accumulate,
          "Each rank works through its share of a batch in so many pieces, one after the other, to save "
          "memory. The result is "
          "the same.",
          at_least(1));
  v.field("precision", precision,
          "float32 and float64: type of parameters and computation. bfloat16 and float16: parameters, "
          "gradients, loss and optimizer stay in float32, matrix products and convolutions run in 16 bits "
          "(autocast); float16 with dynamic loss scaling.",
          {"float32", "float64", "bfloat16", "float16"});
  v.field("device", device, "auto: a GPU of its own for each rank where there is one, else the CPU.",
          {"auto", "cpu", "cuda"});
  v.field(
      "cuda_graph", cuda_graph,
      "Whether a GPU records the whole step once and replays it. auto: where the step can be recorded; the "
      "log says why where it cannot. on: an error where it cannot.",
      {"auto", "on", "off"});
  v.field("share_gpus", share_gpus,
          "Where a host has fewer GPUs than ranks, several ranks compute on one: to try out a job of several "
          "ranks on one GPU, slowly (NCCL then goes through sockets). Otherwise that is an error.");
  v.field("tf32", tf32,
          "What a GPU computes in TF32 (10 bits of mantissa) of float32: convolutions, as PyTorch does; all: "
          "matrix products too; none. 16 bits and float64 are not concerned.",
          {"none", "convolutions", "all"});
  v.field(
      "cudnn_search", cudnn_search,
      "Lets cuDNN try its algorithms for each new shape of a convolution. Which one it takes may differ from "
      "run to run, and with it the last bits. Of ResNet-50 on one H200 it made steps no faster.");
  v.field(
      "weight_copies", weight_copies,
      "In bfloat16 and float16: all weights are cast once a step, and gradients added to those of float32 "
      "as they are. Otherwise autocast casts each weight, and each gradient, by itself: the same numbers, "
      "with 2 bytes a parameter less.");
  v.field("start_from", start_from,
          "A checkpoint (JOB/checkpoints/step-N; of a job's folder the best one; of an exported version its "
          "own) whose weights and preprocessing a new run begins with; empty: random weights or those of "
          "model.weights, and preprocessing fitted on the data.");
  v.field("threads_per_rank", threads_per_rank,
          "CPU threads that a rank computes with. Part of the configuration, since it decides the order of "
          "summation.",
          at_least(1));
  v.field("clip_norm", clip_norm,
          "Scales the gradient by clip_norm / (norm + 1e-6) where its global norm is larger, as PyTorch "
          "does. 0: never.",
          non_negative());
  v.field("evaluate_every_steps", evaluate_every_steps,
          "Evaluates the validation part so often. 0: after each epoch.", non_negative());
  v.field("log_every_steps", log_every_steps, "A line in log.jsonl every so many steps.", at_least(1));
  v.field("save_predictions", save_predictions,
          "Writes predictions.csv of the test part (row, target, scores).");
  v.field("report", report,
          "Writes report.html at the end of the run: curves, answers and data on one page (docs/report.md).");
  v.field("tensorboard", tensorboard,
          "Writes the numbers of log.jsonl as TensorBoard's event files too, in JOB_DIR/tensorboard.");
  v.field("histograms_every_steps", histograms_every_steps,
          "With tensorboard: histograms of all weights and gradients every so many steps. 0: none.",
          non_negative());
  v.require("histograms_every_steps", histograms_every_steps == 0 || tensorboard,
            "are TensorBoard's: set trainer.tensorboard: true");
  v.field(
      "sync_batch_norm", sync_batch_norm,
      "Batch norm takes its statistics from the joined batch of all ranks. Otherwise each rank normalises "
      "its own share by itself, and the running statistics are rank 0's.");
  v.field("shard_optimizer", shard_optimizer,
          "Each rank keeps and updates its part of the optimizer's state only (ZeRO stage 1): 1/ranks of the "
          "memory. The result is the same.");
  v.field("check_replicas_every_steps", check_replicas_every_steps,
          "All ranks compare checksums of their weights so often; a rank with other weights ends the job. 0: "
          "never.",
          non_negative());
  v.field("non_finite", non_finite,
          "A loss or gradient that is not finite. stop: ends the job and says where it comes from. skip: the "
          "step is "
          "left out; costs one pass over the gradient in each step.",
          {"stop", "skip"});
  v.field("max_skipped_steps", max_skipped_steps, "non_finite: skip ends the job after so many in a row.",
          at_least(1));
  v.require("cuda_graph", cuda_graph != "on" || device != "cpu", "on needs a GPU: not trainer.device: cpu");
  v.section("optimizer", "The optimizer.", optimizer);
  v.section("schedule", "The learning rate over time.", schedule);
  v.section("early_stopping", "When to stop early.", early_stopping);
  v.section("average", "What is evaluated, kept and exported in place of the last step's weights.", average);
  callbacks.describe(v);
  v.section("checkpoint", "When to write checkpoints, and which to keep.", checkpoint);
  v.section("watch", "When a rank counts as lost, and the job ends.", watch);
}

void CommConfig::describe(config::Visitor& v) {
  v.field("backend", backend,
          "How gradients travel: auto, local (one rank), mpi, or nccl (a GPU for each rank).");
  v.field(
      "algorithm", algorithm,
      "How the mpi backend reduces: auto (shared memory inside a host, a ring between hosts), ring (of all "
      "ranks), or mpi (MPI_Allreduce).",
      {"auto", "ring", "mpi"});
  v.field("overlap", overlap,
          "Whether gradients are averaged while backward goes on; auto: on GPUs and between hosts, where it "
          "pays.",
          {"auto", "on", "off"});
  v.field(
      "bucket_bytes", bucket_bytes,
      "Size of the parts in which gradients are averaged during backward: a number of bytes, or auto (from "
      "latency and bandwidth, measured at the start).");
  v.require("bucket_bytes",
            bucket_bytes == "auto" || (!bucket_bytes.empty() && bucket_bytes.size() < 12 &&
                                       bucket_bytes.find_first_not_of("0123456789") == std::string::npos &&
                                       std::stoll(bucket_bytes) >= 1024),
            "expected auto, or a number of bytes from 1024 on");
  v.field("wire_dtype", wire_dtype,
          "What float32 gradients travel as between hosts of the mpi backend; a 16-bit type halves the bytes "
          "and rounds. Sums are kept in float32.",
          {"float32", "bfloat16", "float16"});
}

void ExportConfig::describe(config::Visitor& v) {
  v.field("enabled", enabled, "Whether the trained model is exported at the end.");
  v.field("name", name, "Name of the exported model; the run's name when empty.");
  v.field("repository", repository, "The model repository that it goes to; JOB_DIR/export when empty.");
  v.require("repository", !is_remote(repository),
            "expected a folder of this machine: models are not written to object stores");
  v.field("from", from, "Which checkpoint is exported.", {"best", "last"});
  v.field("formats", formats,
          "Any of torchscript, onnx, savedmodel (TensorFlow Serving's; beside one of the others); or auto: "
          "those of them that this model can be written in. The run says before its first step what cannot.");
  v.field(
      "inputs", inputs,
      "How model.onnx and saved_model.pb take numeric columns: matrix (one input, numeric [n, columns]) or "
      "columns (an input [n] for each, by its name).",
      {"matrix", "columns"});
  const bool automatic = formats == std::vector<std::string>{"auto"};
  for (const auto& format : formats)
    v.require("formats", automatic || format == "torchscript" || format == "onnx" || format == "savedmodel",
              fmt::format("expected auto, or any of torchscript, onnx, savedmodel; got '{}'", format));
}

static bool is_plain_name(const std::string& name) {
  return !name.empty() && name.front() != '.' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
             std::string::npos;
}

/// The names of the kinds that read tokens, or of those that do not.
template <class Kinds, class ReadsTokens>
static std::string names_of_kinds(const Kinds& kinds, const ReadsTokens& reads_tokens) {
  std::vector<std::string> names;
  for (const auto& kind : kinds)
    if (reads_tokens(*kind)) names.push_back(kind->name());
  return join(names, " or ");
}

/// Several target columns of a task that takes one.
static bool is_list(const DataKind& data, const TaskKind& task) {
  const auto table = data.table("");
  return table && table->targets.size() > 1 && !task.takes_several_targets();
}

/// The rules that concern several blocks. What is unknown itself is told elsewhere.
static void require_fitting(config::Visitor& v, const RunConfig& run) {
  const auto* task = run.task.find();
  const auto* model = run.model.find();
  const auto* data = run.data.format.find();
  if (!task || !model || !data) return;
  const std::string& metric = run.trainer.checkpoint.metric;
  const auto metrics = metric_names(*task);
  v.require("trainer", std::find(metrics.begin(), metrics.end(), metric) != metrics.end(),
            fmt::format("checkpoint.metric: {} is not a metric of the task {}; it has: {}{}", metric,
                        task->name(), join(metrics), did_you_mean(metric, metrics)));
  const bool language = task->reads_tokens();
  v.require("data", language == data->gives_tokens(),
            language ? fmt::format("format: the task {} needs data.format: {}", task->name(),
                                   names_of_kinds(run.data.format.kinds,
                                                  [](const DataKind& kind) { return kind.gives_tokens(); }))
                     : fmt::format("format: {} are for the task {}, not {}", data->name(),
                                   names_of_kinds(run.task.kinds,
                                                  [](const TaskKind& kind) { return kind.reads_tokens(); }),
                                   task->name()));
  v.require("data", !is_list(*data, *task),
            fmt::format("target: the task {} takes one column; several are for {}", task->name(),
                        names_of_kinds(run.task.kinds,
                                       [](const TaskKind& kind) { return kind.takes_several_targets(); })));
  v.require(
      "export", !run.export_.enabled || data->can_be_exported(),
      fmt::format("enabled: a model of data.format: {} cannot be exported; set export.enabled: false, or "
                  "give its data a signature (docs/extending.md)",
                  data->name()));
  v.require("model", language == model->sequence().has_value(),
            language ? fmt::format(
                           "type: {} does not read tokens; use model.type: {}", model->name(),
                           names_of_kinds(run.model.kinds,
                                          [](const ModelKind& kind) { return kind.sequence().has_value(); }))
                     : fmt::format("type: {} reads tokens; it needs task.type: {}", model->name(),
                                   names_of_kinds(run.task.kinds,
                                                  [](const TaskKind& kind) { return kind.reads_tokens(); })));
  v.require(
      "trainer", !language || !run.trainer.save_predictions,
      "save_predictions: a language model's answers are a probability for each token of the vocabulary, at "
      "each position: too many to write down");
}

/// Settings of `comm` that would be without effect.
static void require_effect(config::Visitor& v, const RunConfig& run) {
  const CommConfig& comm = run.comm;
  const bool rounds = comm.wire_dtype != "float32", sharded = run.trainer.shard_optimizer;
  v.require("comm", !rounds || (!sharded && comm.algorithm != "mpi" && comm.backend != "nccl"),
            fmt::format("wire_dtype: {} needs the mpi backend's own all-reduce: not {}", comm.wire_dtype,
                        sharded                   ? "trainer.shard_optimizer: true"
                        : comm.algorithm == "mpi" ? "comm.algorithm: mpi"
                                                  : "comm.backend: nccl"));
  v.require("comm", !sharded || (comm.overlap != "on" && comm.bucket_bytes == "auto"),
            fmt::format("{}: with trainer.shard_optimizer: true gradients are averaged after backward, whole",
                        comm.overlap == "on" ? "overlap" : "bucket_bytes"));
}

void RunConfig::describe(config::Visitor& v) {
  v.field("name", name, "Name of the run and of the exported model.");
  v.require("name", is_plain_name(name), "expected letters, digits, '_', '-' and '.'");
  v.field("seed", seed, "Seed of everything random: split, order of samples, initial weights, dropout.",
          non_negative());
  v.field(
      "job_dir", job_dir,
      "Folder of the run: log, checkpoints, export. jobs/NAME when empty. `train` also takes a place in an "
      "object store, such as s3://bucket/jobs/cards (docs/storage.md).");
  v.field("plugins", plugins,
          "Libraries with kinds of their own, which this configuration may name (docs/extending.md); so may "
          "those of the environment's RINGTRAIN_PLUGINS (separated by ':').");
  v.section("data", "The data file and how it is read.", data);
  v.section("model", "The network.", model);
  v.section("task", "The outputs' meaning, loss and decision.", task);
  v.section("trainer", "The training loop.", trainer);
  v.section("comm", "Communication between ranks.", comm);
  v.section("export", "The model that is written for serving.", export_);
  describe_tests(v, tests);
  v.section("learn", "Learning from a stream: `ringtrain learn`.", learn);
  require_fitting(v, *this);
  require_effect(v, *this);
}

void RunConfig::resolve() {
  if (job_dir.empty()) job_dir = "jobs/" + name;
  if (export_.name.empty()) export_.name = name;
}

RunConfig RunConfig::read(const config::YamlDocument& document, Catalogue catalogue) {
  for (const auto& file : document.texts("plugins")) add_plugin(file, catalogue);
  RunConfig run(catalogue);
  document.read([&run](config::Visitor& v) { run.describe(v); });
  run.plugins.clear();
  for (const auto& plugin : run.loaded_plugins) run.plugins.push_back(plugin.file);
  run.resolve();
  return run;
}

RunConfig RunConfig::load(const std::string& file, const std::vector<std::string>& overrides,
                          const Catalogue& catalogue) {
  return read(config::YamlDocument::from_file(file, overrides), catalogue);
}

RunConfig RunConfig::from_text(const std::string& text, const std::string& name, const Catalogue& catalogue) {
  return read(config::YamlDocument::from_text(text, name), catalogue);
}

std::string RunConfig::to_yaml() const {
  auto copy = *this;
  return config::to_yaml([&copy](config::Visitor& v) { copy.describe(v); });
}

}  // namespace ringtrain
