// What a training step of a whole run allocates. LibTorch's operators allocate their results: a step is
// compared with a plain loop's, which reads the same batches, and does forward, backward and the update. What
// a step has allocated it gives back: its end finds as many bytes as the end of the third.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "comm/agreement.h"
#include "data/order/loader.h"
#include "tests/common/counted_malloc.h"
#include "tests/common/temporary_folder.h"
#include "tests/rank_test.h"
#include "tests/trainer/own/counts_data.h"
#include "tests/trainer/own/poisson_task.h"
#include "tests/trainer/own/sentence_model.h"
#include "trainer/precision/forward.h"
#include "trainer/trainer.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kSteps = 20, kBatch = 8, kRows = 64, kWarmUp = 3, kSeed = 5;

/// The counters at the end of each step.
struct Readings {
  std::vector<test::Malloc> program, thread;
  void begin() {
    for (auto* of : {&program, &thread}) {
      of->clear();
      of->reserve(kSteps);
    }
  }
  void read() {
    program.push_back(test::malloc_of_program());
    thread.push_back(test::malloc_of_thread());
  }
  /// Of the step at `index`, from 1 on.
  long calls(std::size_t index) const { return thread[index].calls - thread[index - 1].calls; }
};

/// Reads after each step; the last callback sees what all others have done.
class Meter : public Callback {
 public:
  struct Options {
    bool hoards = false, dawdles = false;
  };
  Meter(std::shared_ptr<Readings> readings, const Options& options)
      : readings_(std::move(readings)), options_(options) {}
  std::string name() const override { return "meter"; }
  void begin(const Moment&, const nlohmann::json&, const NamedTensors&) override { readings_->begin(); }
  void after_step(const Moment& moment) override {
    if (options_.dawdles) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (options_.hoards) hoard_.push_back(moment.replica.parameters->groups()[0].values.clone());
    readings_->read();
  }

 private:
  std::shared_ptr<Readings> readings_;
  Options options_;
  std::vector<at::Tensor> hoard_;
};

class MeterKind : public CallbackKind {
 public:
  explicit MeterKind(std::shared_ptr<Readings> readings) : readings_(std::move(readings)) {}
  std::shared_ptr<CallbackKind> clone() const override { return std::make_shared<MeterKind>(*this); }
  std::string name() const override { return "meter"; }
  std::string doc() const override { return "Reads the counters."; }
  void describe(config::Visitor& v) override {
    v.field("hoards", options_.hoards, "Keeps the weights of each step.");
    v.field("dawdles", options_.dawdles, "Takes its time.");
  }
  std::unique_ptr<Callback> make() const override { return std::make_unique<Meter>(readings_, options_); }

 private:
  std::shared_ptr<Readings> readings_;
  Meter::Options options_;
};

/// A callback of a program's own that allocates nothing.
class Adder : public Callback {
 public:
  std::string name() const override { return "adder"; }
  void after_step(const Moment& moment) override { sum_ += moment.step; }

 private:
  std::int64_t sum_ = 0;
};

class AdderKind : public CallbackKind {
 public:
  std::shared_ptr<CallbackKind> clone() const override { return std::make_shared<AdderKind>(*this); }
  std::string name() const override { return "adder"; }
  std::string doc() const override { return "Adds up steps."; }
  void describe(config::Visitor&) override {}
  std::unique_ptr<Callback> make() const override { return std::make_unique<Adder>(); }
};

std::string rows(std::int64_t count) {
  std::string text = "a,b,y\n";
  for (std::int64_t i = 0; i < count; ++i)
    text += fmt::format("{},{},{}\n", i * 37 % count, i * 11 % 13, i % 2 ? "b" : "a");
  return text;
}

class StepAllocations : public testing::Test {
 protected:
  using Settings = std::vector<std::string>;

  StepAllocations() {
    catalogue_.add(std::make_shared<MeterKind>(readings_));
    catalogue_.add(std::make_shared<AdderKind>());
    catalogue_.add(std::make_shared<test::CountsKind>());
    catalogue_.add(std::make_shared<test::SentenceKind>());
    catalogue_.add(std::make_shared<test::PoissonKind>());
    together(world_.control(), "making data", [this] {
      if (world_.rank() != 0) return;
      own_.write("train.csv", rows(kRows));
      own_.write("other.csv", rows(16));
      own_.write("config.yaml", fmt::format(R"(
name: counted
seed: {3}
job_dir: {0}/job
data: {{train_file: {0}/train.csv, validation_file: {0}/other.csv, test_file: {0}/other.csv, target: y,
       prefetch_batches: 0}}
model: {{type: mlp, hidden: [16, 16]}}
task: {{type: binary_classification}}
trainer:
  max_steps: {1}
  epochs: 1000
  global_batch_size: {2}
  evaluate_every_steps: 1000
  log_every_steps: 1000
  optimizer: {{type: adamw, lr: 0.01, weight_decay: 0.1}}
  callbacks: [{{type: meter}}]
export: {{enabled: false}}
)",
                                            own_.path().string(), kSteps, kBatch, kSeed));
    });
  }
  /// The other ranks read rank 0's folder.
  void TearDown() override { world_.control().barrier(); }

  RunConfig config(const Settings& set) const {
    return RunConfig::load(folder_ + "/config.yaml", set, catalogue_);
  }
  std::unique_ptr<Trainer> trainer(const RunConfig& config) {
    StartOptions options;
    options.overwrite = true;
    return std::make_unique<Trainer>(world_, config, options, signal_);
  }
  Readings run_once(const Settings& set) {
    trainer(config(set))->fit();
    EXPECT_GE(readings_->thread.size(), kSteps / 2);
    return *readings_;
  }
  /// MPI takes up memory where a message comes earlier than others did, and keeps it: such a run is repeated.
  /// What each step leaves behind is there each time.
  Readings run(const Settings& set) {
    constexpr int kTries = 3;
    for (int more = kTries - 1;; --more) {
      auto readings = run_once(set);
      const auto left = at::full({1}, leaves_nothing(readings) ? 0 : 1, at::kInt);
      world_.control().all_reduce(left, ReduceOp::max).wait();
      if (more == 0 || left.item<int>() == 0) return readings;
    }
  }
  /// The same batches in a plain loop on this rank alone.
  Readings by_hand(const Settings& set) {
    const auto given = config(set);
    const auto prepared = trainer(given);
    const auto& task = prepared->task();
    const Replica replica = make_replica(given, {prepared->data().features, task.outputs()}, "cpu", nullptr);
    Loader loader(*prepared->data().train,
                  Sampler({.samples = prepared->data().train->size(),
                           .global_batch_size = given.trainer.global_batch_size,
                           .seed = kSeed,
                           .rank = world_.rank(),
                           .world_size = world_.world_size()}),
                  0, 0);
    Readings readings;
    readings.begin();
    for (int step = 0; step < kSteps; ++step) {
      const Batch batch = loader.next().samples;
      replica.parameters->zero_gradients();
      const auto loss = task.loss_sum(forward(replica.model, batch.inputs, {}), batch.targets, batch.weights);
      loss.loss_sum.backward(at::full_like(loss.loss_sum, 1.0 / kBatch));
      EXPECT_GT(loss.weight.item<double>(), 0);
      replica.optimizer->step(0.01, 1.0);
      readings.read();
    }
    return readings;
  }

  /// What the trainer's step allocates beyond the plain loop's. It is the same in each step but for the text
  /// of the progress line, which is due after a while, and what MPI takes up in a few.
  static long beyond(const Readings& run, const Readings& by_hand) {
    constexpr long kProgress = 2;
    constexpr std::size_t kFew = 2;
    const std::size_t steps = run.thread.size();  // less than kSteps where parameters were laid out anew
    const std::size_t before = by_hand.thread.size() - steps;
    std::vector<long> more;
    for (std::size_t i = kWarmUp; i < steps; ++i) more.push_back(run.calls(i) - by_hand.calls(i + before));
    std::sort(more.begin(), more.end());
    EXPECT_LE(more[more.size() - 1 - kFew], more[0] + kProgress);
    return more[0];
  }

  /// Other threads may take up something once: that which watches the ranks notes each at its first beat.
  static bool leaves_nothing(const Readings& run) {
    constexpr long kOnce = 1024;
    const std::size_t third = kWarmUp - 1;
    return run.program.back().bytes <= run.program[third].bytes + kOnce &&
           std::all_of(run.thread.begin() + kWarmUp, run.thread.end(),
                       [&](const test::Malloc& at_end) { return at_end.bytes == run.thread[third].bytes; });
  }
  static void expect_nothing_left(const Readings& run) {
    std::string text;
    for (const auto& at_end : run.thread) text += fmt::format(" {}", at_end.bytes);
    EXPECT_TRUE(leaves_nothing(run)) << "bytes at the end of each step:" << text << "; of all threads "
                                     << run.program[kWarmUp - 1].bytes << ", then "
                                     << run.program.back().bytes;
  }

  /// What a step with `set` allocates more than without.
  long more_than_plain(const Settings& set) {
    const auto hand = by_hand({});
    const auto changed = run(set);
    expect_nothing_left(changed);
    return beyond(changed, hand) - beyond(run({}), hand);
  }

  World& world_ = test_world();
  const test::TemporaryFolder own_;
  const std::string folder_ = broadcast_string(world_.control(), own_.path().string(), 0);
  const StopSignal signal_;
  const std::shared_ptr<Readings> readings_ = std::make_shared<Readings>();
  Catalogue catalogue_ = Catalogue::built_in();
};

// Measured: 9 calls a step, 5 a group, 26 to 35 for shards of a few hundred parameters, 20 a step with named
// fields.

/// Views of the batch's two fields, the lists that hold them, what adds up the loss.
constexpr long kOfAStep = 12;
/// A further field: its views, and lists that grow.
constexpr long kOfAField = 6;
/// A group has an update of its own.
constexpr long kOfAGroup = 8;
/// Views of slices, for two collectives.
constexpr long kOfShards = 40;

TEST_F(StepAllocations, APlainStepLeavesNothing) {
  const auto plain = run({});
  expect_nothing_left(plain);
  const long more = beyond(plain, by_hand({}));
  EXPECT_GT(more, 0) << "the counter does not count";
  EXPECT_LE(more, kOfAStep);
}

TEST_F(StepAllocations, ACallbackThatHoardsIsSeen) {
  const auto hoarding = run_once({"trainer.callbacks=[{type: meter, hoards: true}]"});
  EXPECT_FALSE(leaves_nothing(hoarding));
  EXPECT_GT(hoarding.program.back().bytes, hoarding.program[kWarmUp - 1].bytes + 16 * 1024);
}

/// Its text is due each tenth of a second.
TEST_F(StepAllocations, TheProgressLineLeavesNothing) {
  expect_nothing_left(run({"trainer.callbacks=[{type: meter, dawdles: true}]"}));
}

TEST_F(StepAllocations, CallbacksAllocateNothing) {
  const std::string own = "trainer.callbacks=[{type: adder}, {type: meter}]";
  EXPECT_LE(more_than_plain({own}), 0);
  EXPECT_LE(more_than_plain({own, "trainer.average={type: ema}"}), 0);
}

const char* const kGroups =
    "trainer.optimizer.groups=[{match: ['*.bias'], weight_decay: 0}, {match: ['*'], lr_scale: 0.5}]";

TEST_F(StepAllocations, AGroupAllocatesForItsUpdate) {
  EXPECT_LE(more_than_plain({"trainer.optimizer.groups=[{match: ['*.bias'], weight_decay: 0}]"}), kOfAGroup);
  EXPECT_LE(more_than_plain({kGroups}), kOfAGroup);  // two updates here too
  EXPECT_LE(more_than_plain({"trainer.optimizer.groups=[{match: ['*.bias'], freeze: true}]"}), 0);
}

TEST_F(StepAllocations, AGroupThatThawsIsAsOneThatWasNeverFrozen) {
  EXPECT_LE(more_than_plain({"trainer.optimizer.groups=[{match: ['*.bias'], freeze_until: 2}]"}), kOfAGroup);
}

TEST_F(StepAllocations, ShardsAllocateForTheirCollectives) {
  const long most = world_.world_size() > 1 ? kOfShards : 0;
  EXPECT_LE(more_than_plain({"trainer.shard_optimizer=true"}), most);
}

TEST_F(StepAllocations, AllOfItTogetherLeavesNothing) {
  expect_nothing_left(
      run({"trainer.callbacks=[{type: adder}, {type: meter}]", "trainer.average={type: ema}", kGroups,
           "trainer.shard_optimizer=true", "trainer.clip_norm=1", "trainer.accumulate=2"}));
}

TEST_F(StepAllocations, NamedFieldsHaveTheirViews) {
  const Settings named{"data={format: counts, samples: 64, prefetch_batches: 0}", "model={type: sentence}",
                       "task={type: poisson}", "trainer.checkpoint.metric=mean_error",
                       "trainer.global_batch_size=64"};
  const auto run_of_named = run(named);
  expect_nothing_left(run_of_named);
  EXPECT_LE(beyond(run_of_named, by_hand(named)), kOfAStep + 2 * kOfAField);
}

}  // namespace
}  // namespace ringtrain
