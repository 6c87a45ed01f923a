#include "trainer/callbacks/callbacks.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "comm/backends.h"
#include "common/errors.h"
#include "common/yaml_reader.h"
#include "trainer/callbacks/callbacks_config.h"
#include "trainer/callbacks/early_stopping.h"

namespace ringtrain {
namespace {

/// Writes down when it is called.
struct Witness : Callback {
  Witness(std::string name, std::vector<std::string>& calls) : name_(std::move(name)), calls(calls) {}
  std::string name() const override { return name_; }
  void begin(const Moment&, const nlohmann::json& state, const NamedTensors& tensors) override {
    calls.push_back(name_ + " begins with " + state.dump());
    for (const auto& [name, tensor] : tensors) calls.push_back(name_ + " is given " + name);
  }
  void after_step(const Moment& moment) override {
    calls.push_back(name_ + " steps");
    if (moment.step == 7) throw DataError(name_ + " cannot go on");
  }
  void after_evaluation(const Moment&, const std::string& part, const MetricsReport& report) override {
    calls.push_back(fmt::format("{} sees the {} loss {}", name_, part, report.get("loss")));
    throw TrainingError(name_ + " has seen enough");
  }
  void end(const Moment&) override { calls.push_back(name_ + " ends"); }
  void show(const Moment&) override { calls.push_back(name_ + " shows"); }
  void hide(const Moment&) override { calls.push_back(name_ + " hides"); }
  nlohmann::json state() const override { return {{"of", name_}}; }
  NamedTensors tensors() const override { return {{"w", at::ones({2})}}; }
  std::string name_;
  std::vector<std::string>& calls;
};

struct Fixture : testing::Test {
  Fixture() {
    std::vector<std::unique_ptr<Callback>> list;
    list.push_back(std::make_unique<Witness>("a", calls));
    list.push_back(std::make_unique<Witness>("b", calls));
    callbacks = Callbacks(std::move(list));
  }
  Moment at(std::int64_t step) { return {step, replica, *communicator}; }

  World world;
  std::unique_ptr<Communicator> communicator = make_communicator(world, "local", "cpu");
  Replica replica;
  std::vector<std::string> calls;
  Callbacks callbacks;
};

using CallbacksTest = Fixture;

TEST_F(CallbacksTest, EachHasItsOwnState) {
  const auto tensors = callbacks.tensors();
  ASSERT_EQ(tensors.size(), 2U);
  EXPECT_TRUE(tensors.contains("a/w") && tensors.contains("b/w"));
  EXPECT_EQ(callbacks.state().dump(), R"({"a":{"of":"a"},"b":{"of":"b"}})");
  callbacks.begin(at(0), {{"b", 3}}, {{"b/w", at::ones({1})}, {"exp_avg/w", at::ones({1})}});
  EXPECT_EQ(calls, (std::vector<std::string>{"a begins with null", "b begins with 3", "b is given w"}));
}

TEST_F(CallbacksTest, AreHiddenInTheOtherOrder) {
  { const Callbacks::Shown shown(callbacks, at(1)); }
  EXPECT_EQ(calls, (std::vector<std::string>{"a shows", "b shows", "b hides", "a hides"}));
}

TEST_F(CallbacksTest, AFailureIsKeptForTheNextStep) {
  callbacks.after_step(at(6));
  EXPECT_EQ(callbacks.take_failure(), nullptr);
  callbacks.after_step(at(7));
  const auto failure = callbacks.take_failure();
  ASSERT_NE(failure, nullptr);
  EXPECT_THROW(std::rethrow_exception(failure), DataError);
  EXPECT_EQ(callbacks.take_failure(), nullptr);
}

TEST_F(CallbacksTest, TheFirstFailureIsKeptAndAllAreCalled) {
  MetricsReport report;
  report.set("loss", 0.5);
  callbacks.after_step(at(7));
  callbacks.after_evaluation(at(7), "test", report);
  callbacks.end(at(7));
  EXPECT_EQ(calls, (std::vector<std::string>{"a steps", "b steps", "a sees the test loss 0.5",
                                             "b sees the test loss 0.5", "a ends", "b ends"}));
  try {
    std::rethrow_exception(callbacks.take_failure());
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "a cannot go on");
  }
}

TEST_F(CallbacksTest, NoTwoHaveOneName) {
  std::vector<std::unique_ptr<Callback>> list;
  for (const char* name : {"a", "b", "a"}) list.push_back(std::make_unique<Witness>(name, calls));
  try {
    const Callbacks twice(std::move(list));
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("two callbacks of this run are named 'a'"), std::string::npos)
        << error.what();
  }
}

AverageConfig average_of(const std::string& yaml) {
  AverageConfig config;
  config::YamlDocument::from_text(yaml, "average.yaml").read([&](config::Visitor& v) { config.describe(v); });
  return config;
}

TEST(EarlyStopping, EndsAfterItsPatience) {
  StepPlan plan;
  Standing standing;
  const EarlyStopping callback(plan, standing, "f1");
  standing.evaluations_since_best = 99;
  EXPECT_EQ(callback.ends_training(), "");  // no patience: for ever
  plan.patience = 3;
  standing.evaluations_since_best = 2;
  EXPECT_EQ(callback.ends_training(), "");
  standing.evaluations_since_best = 3;
  EXPECT_EQ(callback.ends_training(), "early stopping: no better validation f1 in the last 3 evaluations");
}

TEST(WeightAverage, NoneIsNothingToDo) { EXPECT_EQ(average_of("").kind().make(), nullptr); }

TEST(WeightAverage, SaysWhereTheRunIsTooShort) {
  EXPECT_EQ(average_of("type: none").kind().advice(1), std::nullopt);
  EXPECT_EQ(average_of("type: ema").kind().advice(1), std::nullopt);
  EXPECT_EQ(average_of("{type: swa, start_step: 100}").kind().advice(100), std::nullopt);
  const auto said = average_of("{type: swa, start_step: 101}").kind().advice(100);
  ASSERT_TRUE(said.has_value());
  EXPECT_NE(said->find("start_step is 101, but the run has 100 steps"), std::string::npos) << *said;
}

TEST(WeightAverage, TheExponentialOneBeginsWithTheInitialWeights) {
  World world;
  const auto communicator = make_communicator(world, "local", "cpu");
  Replica replica = make_replica(RunConfig(), {.features = 3, .outputs = 2}, "cpu");
  const auto& values = replica.parameters->groups()[0].values;
  const at::NoGradGuard no_gradient;
  for (const bool warm_up : {false, true}) {
    const auto average =
        average_of(fmt::format("{{type: ema, decay: 0.5, warm_up: {}}}", warm_up)).kind().make();
    values.fill_(1);
    average->begin({0, replica, *communicator}, {}, {});
    EXPECT_EQ(average->state().dump(), R"({"updates":0})");
    values.fill_(3);
    average->after_step({1, replica, *communicator});
    average->show({1, replica, *communicator});
    const double left = warm_up ? 2.0 / 11 : 0.5;
    EXPECT_NEAR(values[0].item<double>(), left * 1 + (1 - left) * 3, 1e-6);
    average->hide({1, replica, *communicator});
  }
}

TEST(WeightAverage, RefusesAStateThatIsNotItsOwn) {
  World world;
  const auto communicator = make_communicator(world, "local", "cpu");
  Replica replica = make_replica(RunConfig(), {.features = 3, .outputs = 2}, "cpu");
  const auto average = average_of("type: ema").kind().make();
  const Moment moment{4, replica, *communicator};
  EXPECT_THROW(average->begin(moment, {{"updates", "many"}}, {}), CheckpointError);
  const auto name = replica.parameters->entries()[0].name;
  EXPECT_THROW(average->begin(moment, {{"updates", 4}}, {{name, at::ones({1, 1, 1})}}), CheckpointError);
}

TEST(WeightAverage, ShowsTheAverageAndHidesIt) {
  World world;
  const auto communicator = make_communicator(world, "local", "cpu");
  Replica replica = make_replica(RunConfig(), {.features = 3, .outputs = 2}, "cpu");
  const auto& values = replica.parameters->groups()[0].values;
  const at::NoGradGuard no_gradient;
  values.fill_(1);
  const auto average = average_of("{type: swa, start_step: 2, every_steps: 2}").kind().make();
  average->begin({0, replica, *communicator}, {}, {});
  for (std::int64_t step = 1; step <= 6; ++step) {
    values.fill_(static_cast<double>(step));
    average->after_step({step, replica, *communicator});
    average->show({step, replica, *communicator});
    const double shown = step < 2 ? 1 : step < 4 ? 2 : step < 6 ? 3 : 4;  // of 2, 4, 6
    EXPECT_NEAR(values[0].item<double>(), step < 2 ? 1.0 : shown, 1e-6) << step;
    average->hide({step, replica, *communicator});
    EXPECT_EQ(values[0].item<double>(), static_cast<double>(step));
  }
}

}  // namespace
}  // namespace ringtrain
