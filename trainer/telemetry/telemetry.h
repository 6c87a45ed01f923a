#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "comm/averaging/gradient_averager.h"
#include "common/progress.h"
#include "data/schema/head.h"
#include "trainer/checkpoint/checkpoint_writer.h"
#include "trainer/metrics/report.h"
#include "trainer/telemetry/evaluation_table.h"
#include "trainer/telemetry/event_file.h"
#include "trainer/telemetry/run_log.h"

namespace ringtrain {

/// What a run tells: the progress bar, log.jsonl and metrics.csv. Only rank 0 tells anything.
class Telemetry {
 public:
  struct Options {
    std::filesystem::path folder;
    int rank = 0;
    std::int64_t resume_step = 0, total_steps = 0, batches_per_epoch = 1, log_every_steps = 50;
    std::string positive_class{};  ///< of a binary classification: named in each evaluation
    std::string board_text{};      ///< for TensorBoard: the configuration; empty: it is not written
  };
  explicit Telemetry(const Options& options);
  ~Telemetry();

  /// The run, or another process of it, begins after `step` steps. `about`: what a reader of the log needs to
  /// know of it, by name.
  void start(std::int64_t step, const nlohmann::ordered_json& about);
  /// A step was done: `step` counts from 1. `loss_scale` is logged where it is not 1.
  /// `traffic`: of the averaging, logged as the mean since the last line; null: not known. `loading`: that
  /// rank 0 waited for its batch; logged as the sum since the last line. A run that does little else is
  /// told so, once.
  void step(std::int64_t step, const StepTotals& totals, double learning_rate, double loss_scale = 1,
            const StepTraffic* traffic = nullptr, std::chrono::duration<double> loading = {});
  /// An evaluation: `part` is "validation" or "test"; `train_loss` is the mean since the epoch's begin;
  /// `took`: the time of the evaluation; `head`: what the answers were judged by, where that is final.
  void evaluation(std::int64_t step, const std::string& part, double train_loss, const MetricsReport& report,
                  bool is_best, std::chrono::duration<double> took = {}, const Head* head = nullptr);
  /// For TensorBoard alone, which `has_board` says: how the numbers of a tensor of any device lie.
  void histogram(std::string_view tag, std::int64_t step, const at::Tensor& tensor);
  bool has_board() const { return board_ != nullptr; }
  /// One was written. `blocked_seconds`: that training waited for it.
  void checkpoint(const CheckpointWriter::Report& report, double blocked_seconds);
  /// Something else worth keeping, in words.
  void event(std::int64_t step, const std::string& text);
  /// What the one who reads the run's numbers should know: a warning.
  void advice(std::int64_t step, const std::string& text);
  /// The run has `steps` steps, not as many as it was thought to have; `step` of them are done.
  void set_total_steps(std::int64_t step, std::int64_t steps);
  /// Ends the progress bar.
  void finish();

 private:
  void write(nlohmann::ordered_json line);
  Options options_;
  std::unique_ptr<RunLog> log_;
  std::unique_ptr<EventFile> board_;
  std::unique_ptr<Progress> progress_;
  EvaluationTable table_;
  std::chrono::steady_clock::time_point since_;
  void tell_starved(std::int64_t step, double seconds);

  bool told_starved_ = false;
  double samples_ = 0, loss_sum_ = 0, weight_ = 0, exposed_seconds_ = 0, under_way_seconds_ = 0;
  double loading_seconds_ = 0;
  std::int64_t steps_ = 0;
};

}  // namespace ringtrain
