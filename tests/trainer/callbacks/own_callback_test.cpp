// A callback that ringtrain does not bring, of a kind in a program's own catalogue: whole runs of Trainer.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "comm/agreement.h"
#include "common/errors.h"
#include "tests/common/temporary_folder.h"
#include "tests/rank_test.h"
#include "trainer/trainer.h"

namespace ringtrain {
namespace {

/// What the newest counter of this rank has counted.
struct Counts {
  std::int64_t steps = 0, evaluations = 0, tests = 0, ends = 0;
};

struct CounterOptions {
  std::int64_t every = 1;
  std::string fails = "never";
  std::int64_t fails_after = 7;
};

/// Counts steps and evaluations, and keeps their numbers in checkpoints.
class Counter : public Callback {
 public:
  Counter(const CounterOptions& options, std::shared_ptr<Counts> counts)
      : options_(options), counts_(std::move(counts)) {}
  std::string name() const override { return "counter"; }
  void begin(const Moment&, const nlohmann::json& state, const NamedTensors&) override {
    *counts_ = {};
    if (state.is_null()) return;
    counts_->steps = state.at("steps");
    counts_->evaluations = state.at("evaluations");
  }
  void after_step(const Moment& moment) override {
    if (moment.step % options_.every == 0) ++counts_->steps;
    fail("step", moment);
  }
  void after_evaluation(const Moment& moment, const std::string& part, const MetricsReport& report) override {
    ++(part == "test" ? counts_->tests : counts_->evaluations);
    EXPECT_GT(report.get("loss"), 0);
    fail(part, moment);
  }
  void end(const Moment& moment) override {
    EXPECT_EQ(counts_->tests, 0) << "the test part is evaluated afterwards";
    ++counts_->ends;
    fail("end", moment);
  }
  nlohmann::json state() const override {
    return {{"steps", counts_->steps}, {"evaluations", counts_->evaluations}};
  }

 private:
  /// On the last rank alone.
  void fail(const std::string& where, const Moment& moment) const {
    const World& world = test_world();
    if (where == options_.fails && moment.step >= options_.fails_after &&
        world.rank() == world.world_size() - 1)
      throw TrainingError(fmt::format("counter: enough after step {}", moment.step));
  }

  CounterOptions options_;
  std::shared_ptr<Counts> counts_;
};

class CounterKind : public CallbackKind {
 public:
  explicit CounterKind(std::shared_ptr<Counts> counts) : counts_(std::move(counts)) {}
  std::shared_ptr<CallbackKind> clone() const override { return std::make_shared<CounterKind>(*this); }
  std::string name() const override { return "counter"; }
  std::string doc() const override { return "Counts."; }
  void describe(config::Visitor& v) override {
    v.field("every", options_.every, "Only each so many steps.", config::at_least(1));
    v.field("fails", options_.fails, "Where it fails.", {"never", "step", "validation", "test", "end"});
    v.field("fails_after", options_.fails_after, "From which step on.");
  }
  std::unique_ptr<Callback> make() const override { return std::make_unique<Counter>(options_, counts_); }
  std::optional<std::string> advice(std::int64_t total_steps) const override {
    if (options_.every <= total_steps) return std::nullopt;
    return "the counter counts nothing";
  }

 private:
  CounterOptions options_;
  std::shared_ptr<Counts> counts_;
};

/// Rows "x,y" with x evenly in [0, 1), of the class "b" above 0.5.
std::string rows(int count) {
  std::string text = "x,y\n";
  for (int i = 0; i < count; ++i) {
    const double x = static_cast<double>(i * 37 % count) / count;
    text += fmt::format("{},{}\n", x, x > 0.5 ? "b" : "a");
  }
  return text;
}

class OwnCallback : public testing::Test {
 protected:
  OwnCallback() {
    catalogue_.add(std::make_shared<CounterKind>(counts_));
    together(world_.control(), "making data", [this] {
      if (world_.rank() != 0) return;
      own_.write("train.csv", rows(96));
      own_.write("other.csv", rows(48));
      own_.write("config.yaml", fmt::format(R"(
name: counted
job_dir: {0}/job
data: {{train_file: {0}/train.csv, validation_file: {0}/other.csv, test_file: {0}/other.csv, target: y}}
model: {{type: linear}}
task: {{type: binary_classification}}
trainer:
  max_steps: 10
  epochs: 100
  global_batch_size: 16
  evaluate_every_steps: 2
  checkpoint: {{keep: 9}}
  optimizer: {{type: sgd, lr: 0.05}}
  callbacks:
    - type: counter
)",
                                            own_.path().string()));
    });
  }

  /// The other ranks read rank 0's folder.
  void TearDown() override { world_.control().barrier(); }

  RunConfig config(const std::vector<std::string>& set = {}) const {
    return RunConfig::load(folder_ + "/config.yaml", set, catalogue_);
  }
  Outcome run(const std::vector<std::string>& set, const StartOptions& options = {}) {
    return Trainer(world_, config(set), options, signal_).fit();
  }
  /// What ends the run, on every rank.
  std::string failure(const std::vector<std::string>& set) {
    StartOptions options;
    options.overwrite = true;
    try {
      run(set, options);
    } catch (const Error& error) {
      EXPECT_TRUE(error.agreed());
      EXPECT_EQ(dynamic_cast<const PeerError*>(&error) != nullptr, world_.rank() != 0);
      return error.what();
    }
    return "";
  }
  void expect_counts(std::int64_t steps, std::int64_t evaluations) const {
    EXPECT_EQ(counts_->steps, steps);
    EXPECT_EQ(counts_->evaluations, evaluations);
    EXPECT_EQ(counts_->tests, 1);
    EXPECT_EQ(counts_->ends, 1);
  }

  World& world_ = test_world();
  const test::TemporaryFolder own_;
  const std::string folder_ = broadcast_string(world_.control(), own_.path().string(), 0);
  const StopSignal signal_;
  const std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
  Catalogue catalogue_ = Catalogue::built_in();
};

TEST_F(OwnCallback, ItsOptionsAreThoseOfTheConfiguration) {
  run({"trainer.callbacks=[{type: counter, every: 3}]"});
  expect_counts(3, 5);
}

TEST_F(OwnCallback, GoesOnFromItsStateInACheckpoint) {
  run({"trainer.max_steps=6"});
  expect_counts(6, 3);
  StartOptions options;
  options.from_step = 4;
  run({}, options);
  expect_counts(10, 5);
}

TEST_F(OwnCallback, StandsInTheResolvedConfiguration) {
  const auto text = config({"trainer.callbacks=[{type: counter, every: 3}]"}).to_yaml();
  EXPECT_NE(text.find("  callbacks:\n    - type: counter\n      every: 3\n"), std::string::npos) << text;
  EXPECT_EQ(RunConfig::from_text(text, "config.yaml", catalogue_).to_yaml(), text);
}

TEST_F(OwnCallback, AnEntryMustNameAKindOfTheCatalogue) {
  for (const auto& [entry, problem] : std::vector<std::pair<std::string, std::string>>{
           {"every: 3", "trainer.callbacks[0].type: missing; expected one of: counter"},
           {"type: counte", "trainer.callbacks[0].type: expected one of: counter; got 'counte'"},
           {"type: counter, every: 0", "trainer.callbacks[0].every: expected a number of at least 1"}}) {
    try {
      config({"trainer.callbacks=[{" + entry + "}]"});
      ADD_FAILURE() << entry;
    } catch (const ConfigError& error) {
      EXPECT_NE(std::string(error.what()).find(problem), std::string::npos) << error.what();
    }
  }
}

TEST_F(OwnCallback, ItsAdviceIsTheRuns) {
  const auto outcome = run({"trainer.callbacks=[{type: counter, every: 11}]"});
  EXPECT_NE(std::find(outcome.advice.begin(), outcome.advice.end(), "the counter counts nothing"),
            outcome.advice.end());
}

TEST_F(OwnCallback, TwoOfOneNameAreRefused) {
  const auto text = failure({"trainer.callbacks=[{type: counter}, {type: counter, every: 2}]"});
  EXPECT_NE(text.find("two callbacks of this run are named 'counter'"), std::string::npos) << text;
}

TEST_F(OwnCallback, WhatItThrowsOnOneRankEndsAllWithOneMessage) {
  struct Case {
    std::string where;
    std::int64_t after;
    std::string phase;
  };
  for (const auto& [where, after, phase] :
       {Case{"step", 7, "training step 8"}, Case{"step", 10, "calling the callbacks after the last step"},
        Case{"validation", 8, "training step 9"},
        Case{"validation", 10, "calling the callbacks after the last step"},
        Case{"end", 10, "calling the callbacks at the end of training"},
        Case{"test", 10, "calling the callbacks after the test part"}}) {
    const auto text = failure(
        {fmt::format("trainer.callbacks=[{{type: counter, fails: {}, fails_after: {}}}]", where, after)});
    const auto said = fmt::format("counter: enough after step {}", after);
    SCOPED_TRACE(where);
    if (world_.world_size() == 1) {
      EXPECT_EQ(text, said);
      continue;
    }
    EXPECT_TRUE(text.starts_with("rank 1 of 2 (host ")) << text;
    EXPECT_TRUE(text.ends_with(fmt::format(") failed while {}: {}", phase, said))) << text;
  }
}

}  // namespace
}  // namespace ringtrain
