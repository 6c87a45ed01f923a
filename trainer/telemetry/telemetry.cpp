#include "trainer/telemetry/telemetry.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/log.h"
#include "common/terminal.h"
#include "common/text.h"
#include "trainer/telemetry/histograms.h"

namespace ringtrain {

using Clock = std::chrono::steady_clock;

static nlohmann::json finite_or_null(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(nullptr);
}

Telemetry::Telemetry(const Options& options)
    : options_(options), table_(std::min<std::size_t>(terminal_columns(), 100)), since_(Clock::now()) {
  if (options.rank != 0) return;
  log_ = std::make_unique<RunLog>(options.folder, options.resume_step);
  if (!options.board_text.empty()) {
    board_ = std::make_unique<EventFile>(options.folder / "tensorboard", options.resume_step);
    board_->text("configuration", options.resume_step, options.board_text);
  }
  progress_ = std::make_unique<Progress>("step", options.total_steps,
                                         Progress::Options{.already_done = options.resume_step});
}

Telemetry::~Telemetry() = default;

/// With the time (UTC), by which a reader sees how long what took.
void Telemetry::write(nlohmann::ordered_json line) {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  line["time"] =
      fmt::format("{:%Y-%m-%dT%H:%M:}{:06.3f}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(now)),
                  static_cast<double>(now.time_since_epoch().count() % 60'000) / 1000);
  log_->line(line);
}

void Telemetry::histogram(std::string_view tag, std::int64_t step, const at::Tensor& tensor) {
  if (board_) board_->histogram(tag, step, histogram_of(tensor));
}

void Telemetry::start(std::int64_t step, const nlohmann::ordered_json& about) {
  if (!log_) return;
  nlohmann::ordered_json line{{"event", "start"}, {"step", step}};
  line.update(about);
  write(std::move(line));
}

void Telemetry::step(std::int64_t step, const StepTotals& totals, double learning_rate, double loss_scale,
                     const StepTraffic* traffic, std::chrono::duration<double> loading) {
  if (!log_) return;
  samples_ += totals.samples;
  loss_sum_ += totals.loss_sum;
  weight_ += totals.weight;
  loading_seconds_ += loading.count();
  ++steps_;
  if (traffic) {
    exposed_seconds_ += traffic->exposed.count();
    under_way_seconds_ += traffic->under_way().count();
  }
  const bool due = step % options_.log_every_steps == 0 || step == options_.total_steps;
  const double seconds = std::chrono::duration<double>(Clock::now() - since_).count();
  const std::int64_t epoch = (step - 1) / options_.batches_per_epoch + 1;
  if (due || seconds > 0.1) {
    progress_->update(step, fmt::format("epoch {}  loss {:.4f}  {} samples/s", epoch, loss_sum_ / weight_,
                                        with_commas(std::lround(samples_ / seconds))));
  }
  if (!due) return;
  nlohmann::ordered_json line{{"event", "step"},
                              {"step", step},
                              {"epoch", epoch},
                              {"loss", finite_or_null(totals.loss_sum / totals.weight)},
                              {"weight", totals.weight},
                              {"learning_rate", learning_rate},
                              {"samples_per_second", std::round(samples_ / seconds)},
                              {"seconds", seconds},
                              {"loading_seconds", loading_seconds_},
                              {"steps", steps_}};
  if (traffic) {
    line["averaged_bytes"] = traffic->bytes;
    line["averaging_exposed_ms"] = 1e3 * exposed_seconds_ / static_cast<double>(steps_);
    line["averaging_early_buckets"] = traffic->early_buckets;
    if (!traffic->spans.empty()) {
      // Of the time that all-reduces were under way, the part in which backward went on.
      const double hidden = 1 - exposed_seconds_ / std::max({under_way_seconds_, exposed_seconds_, 1e-12});
      line["averaging_overlap_percent"] = std::round(1000 * std::max(0.0, hidden)) / 10;
    }
  }
  if (loss_scale != 1) line["loss_scale"] = loss_scale;
  write(std::move(line));
  if (board_) {
    board_->scalar("train/loss", step, totals.loss_sum / totals.weight);
    board_->scalar("train/learning_rate", step, learning_rate);
    board_->scalar("speed/samples_per_second", step, samples_ / seconds);
  }
  tell_starved(step, seconds);
  since_ = Clock::now();
  samples_ = loss_sum_ = weight_ = exposed_seconds_ = under_way_seconds_ = loading_seconds_ = 0;
  steps_ = 0;
}

void Telemetry::tell_starved(std::int64_t step, double seconds) {
  constexpr double kTooMuch = 0.5, kLongEnough = 2;
  if (told_starved_ || seconds < kLongEnough || loading_seconds_ < kTooMuch * seconds) return;
  told_starved_ = true;
  advice(
      step,
      fmt::format("the last {} steps waited for their data for {:.0f}% of the time. data.prefetch_batches: 4 "
                  "reads ahead beside the training; a faster disk helps, too (data.streaming.folder is where "
                  "decoded rows are kept), and larger models hide it",
                  with_commas(steps_), 100 * loading_seconds_ / seconds));
}

void Telemetry::evaluation(std::int64_t step, const std::string& part, double train_loss,
                           const MetricsReport& report, bool is_best, std::chrono::duration<double> took,
                           const Head* head) {
  if (!log_) return;
  nlohmann::ordered_json line{{"event", "evaluation"}, {"step", step}, {"part", part}, {"best", is_best}};
  if (!options_.positive_class.empty()) line["positive_class"] = options_.positive_class;
  std::vector<std::pair<std::string, double>> row{
      {"epoch", static_cast<double>(step) / static_cast<double>(options_.batches_per_epoch)}};
  if (part == "validation") {
    line["train_loss"] = finite_or_null(train_loss);
    row.emplace_back("train_loss", train_loss);
  }
  line["seconds"] = took.count();
  if (head) line["head"] = head->to_json();
  std::string text;
  for (const auto& [name, value] : report.values) {
    line[name] = finite_or_null(value);
    if (board_) board_->scalar(part + "/" + name, step, value);
    row.emplace_back(part + "_" + name, value);
    if (std::isfinite(value)) text += fmt::format("  {} {:.4f}", name, value);
  }
  write(std::move(line));
  if (part != "validation") return;
  log_->metrics_row(step, row);
  log::info(fmt::format("step {}  epoch {:.1f}  train loss {:.4f}  validation:{}{}", with_commas(step),
                        row[0].second, train_loss, text, is_best ? "  (best so far)" : ""),
            table_.row(step, row[0].second, train_loss, report, is_best));
}

void Telemetry::checkpoint(const CheckpointWriter::Report& report, double blocked_seconds) {
  if (!log_) return;
  nlohmann::ordered_json line{{"event", "checkpoint"},
                              {"step", report.step},
                              {"folder", report.folder.string()},
                              {"seconds", report.seconds},
                              {"blocked_seconds", blocked_seconds},
                              {"bytes", report.bytes}};
  if (report.error.empty())
    line["bytes_per_second"] = static_cast<double>(report.bytes) / report.seconds;
  else
    line["error"] = report.error;
  write(std::move(line));
}

void Telemetry::event(std::int64_t step, const std::string& text) {
  if (!log_) return;
  write({{"event", "note"}, {"step", step}, {"text", text}});
  log::info(text);
}

void Telemetry::advice(std::int64_t step, const std::string& text) {
  if (!log_) return;
  write({{"event", "advice"}, {"step", step}, {"text", text}});
  log::warn(text);
}

void Telemetry::set_total_steps(std::int64_t step, std::int64_t steps) {
  if (!log_ || steps == options_.total_steps) return;
  options_.total_steps = steps;
  progress_.reset();
  progress_ = std::make_unique<Progress>("step", steps, Progress::Options{.already_done = step});
}

void Telemetry::finish() {
  if (progress_) progress_->finish();
  progress_.reset();
}

}  // namespace ringtrain
