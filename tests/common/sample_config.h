#pragma once

#include <string>
#include <vector>

#include "common/config.h"

namespace ringtrain::testing {

struct SampleOptimizer {
  std::string type = "sgd";
  double lr = 0.1;
  double momentum = 0.9;
  std::vector<double> betas = {0.9, 0.999};

  void describe(config::Visitor& v) {
    v.variants("type", type, "The update rule.",
               {{"sgd", "Plain descent.",
                 [this](config::Visitor& w) {
                   w.field("lr", lr, "The step's length.", config::positive());
                   w.field("momentum", momentum, "Of the past.", config::fraction_below_one());
                 }},
                {"adam", "With moments.", [this](config::Visitor& w) {
                   w.field("lr", lr, "The step's length.", config::positive());
                   w.field("betas", betas, "Decays.", config::fraction_below_one());
                 }}});
    v.require("lr", lr < 5, "must be below 5");
  }
  bool operator==(const SampleOptimizer&) const = default;
};

struct SampleTrainer {
  std::int64_t epochs = 3;
  bool shuffle = true;
  std::string device = "cpu";
  SampleOptimizer optimizer;

  void describe(config::Visitor& v) {
    v.field("epochs", epochs, "Passes over the data.", config::at_least(1));
    v.field("shuffle", shuffle, "In each epoch.");
    v.field("device", device, "Where | what.", config::Choice{"cpu", "cuda"});
    v.section("optimizer", "How parameters move.", optimizer);
  }
  bool operator==(const SampleTrainer&) const = default;
};

/// It needs something to begin with.
struct SampleStage {
  explicit SampleStage(std::int64_t first) : steps(first) {}
  std::string type;
  std::int64_t steps;

  void describe(config::Visitor& v) {
    v.variants("type", type, "What is done.",
               {{"warm", "Up.", [](config::Visitor&) {}}, {"steady", "On.", [this](config::Visitor& w) {
                                                             w.field("steps", steps, "How long.",
                                                                     config::at_least(1));
                                                           }}});
  }
};

struct SampleStages {
  std::int64_t first = 5;
  std::vector<SampleStage> stages;

  void describe(config::Visitor& v) {
    v.sections("stages", "One after the other.", stages, [this] { return SampleStage(first); });
  }
};

struct SampleConfig {
  std::string name = "job";
  std::vector<std::string> columns = {"a", "V*"};
  std::vector<std::int64_t> hidden = {64, 32};
  std::vector<double> weights;
  double limit = 1;
  SampleTrainer trainer;

  void describe(config::Visitor& v) {
    v.field("name", name, "Of the job.");
    v.field("columns", columns, "Read.");
    v.field("hidden", hidden, "Widths.", config::at_least(1));
    v.field("weights", weights, "Of classes.");
    v.field("limit", limit, "Any number.");
    v.section("trainer", "The loop.", trainer);
  }
  bool operator==(const SampleConfig&) const = default;
};

}  // namespace ringtrain::testing
