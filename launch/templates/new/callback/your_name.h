// Something of your own beside training, an entry `{type: your_name}` of trainer.callbacks: ends training
// when the running mean of a metric passes a goal, since one lucky evaluation is no proof.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "ringtrain/trainer/callbacks/callback.h"
#include "ringtrain/trainer/callbacks/callback_kind.h"

namespace your_name_kind {

struct Options {
  std::string metric = "loss";
  double goal = 0, smoothing = 0.5;
  bool larger_is_better = false;
};

/// Every rank has one, and calls it at the same moments with the same numbers. So all ranks decide the same,
/// without communication. Callback (ringtrain/trainer/callbacks/callback.h) lists the other moments.
class YourNameCallback : public ringtrain::Callback {
 public:
  explicit YourNameCallback(Options options) : options_(std::move(options)) {}
  std::string name() const override { return "your_name"; }  // of its state in checkpoints

  // Before the first step. A run that goes on has the state that its checkpoint kept, a new one null.
  void begin(const ringtrain::Moment&, const nlohmann::json& state, const ringtrain::NamedTensors&) override {
    seen_ = state.is_null() ? 0 : state.at("seen").get<std::int64_t>();
    mean_ = state.is_null() ? 0 : state.at("mean").get<double>();
  }

  void after_evaluation(const ringtrain::Moment&, const std::string& part,
                        const ringtrain::MetricsReport& report) override {
    if (part != "validation") return;  // the test part comes at the end, and decides nothing
    const double value = report.get(options_.metric);
    mean_ = seen_ == 0 ? value : options_.smoothing * mean_ + (1 - options_.smoothing) * value;
    ++seen_;
  }

  // Asked after each evaluation: why training ends here, or "".
  std::string ends_training() const override {
    const bool reached = options_.larger_is_better ? mean_ >= options_.goal : mean_ <= options_.goal;
    if (seen_ == 0 || !reached) return "";
    return "the running mean of " + options_.metric + " is " + std::to_string(mean_) + " after " +
           std::to_string(seen_) + " evaluations";
  }

  // For a checkpoint: all that the next step depends on. Tensors are kept by `tensors()`.
  nlohmann::json state() const override { return {{"seen", seen_}, {"mean", mean_}}; }

 private:
  Options options_;
  std::int64_t seen_ = 0;
  double mean_ = 0;
};

/// What a configuration chooses, and its options.
class YourNameKind : public ringtrain::CallbackKind {
 public:
  // Each configuration has a copy with options of its own.
  std::shared_ptr<ringtrain::CallbackKind> clone() const override {
    return std::make_shared<YourNameKind>(*this);
  }
  std::string name() const override { return "your_name"; }
  std::string doc() const override {
    return "Ends training when the running mean of a metric passes a goal.";
  }
  // Each option once: for YAML, for errors with file and line, for the reference that `config` prints.
  void describe(ringtrain::config::Visitor& v) override {
    v.field("metric", options_.metric, "Of the validation part: loss, or one of the task's.");
    v.field("goal", options_.goal, "Where its running mean ends training.");
    v.field("larger_is_better", options_.larger_is_better, "Of the metric.");
    v.field("smoothing", options_.smoothing, "Share of the mean that stays at each evaluation.",
            ringtrain::config::fraction_below_one());
  }
  std::unique_ptr<ringtrain::Callback> make() const override {
    return std::make_unique<YourNameCallback>(options_);
  }

 private:
  Options options_;
};

}  // namespace your_name_kind
