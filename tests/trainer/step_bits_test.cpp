// The bits of losses and weights: every configuration of configs/, shortened, on these ranks, in float32 and
// float64, by plain steps and by recorded ones. They are kept in step_bits.json for the kinds of processors
// that it names, and compared there. On others only the two kinds of steps are compared with each other.
// RINGTRAIN_WRITE_BITS=1 writes this processor's: only with a line in the CHANGELOG that says why they
// change.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/version.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>

#include "comm/agreement.h"
#include "common/files.h"
#include "common/hash.h"
#include "data/table/synthetic_fraud.h"
#include "tests/common/temporary_folder.h"
#include "tests/rank_test.h"
#include "tests/trainer/step/checked_recorder.h"
#include "trainer/trainer.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;
constexpr int kSteps = 7;  // three plain ones come before a recorded one

fs::path source(const std::string& name) { return fs::path(RINGTRAIN_SOURCE_DIR) / name; }

/// What decides bits besides the program.
std::string processor() {
  std::string name = "unknown processor", line;
  std::ifstream info("/proc/cpuinfo");
  while (std::getline(info, line))
    if (line.starts_with("model name")) {
      name = line.substr(line.find(':') + 2);
      break;
    }
  return fmt::format("{}, {}, LibTorch {}", name, at::get_cpu_capability(), TORCH_VERSION);
}

/// Images that a network can tell apart: each class has a bright bar of its own.
std::string images(int rows) {
  std::string text;
  for (int pixel = 0; pixel < 784; ++pixel) text += fmt::format("p{},", pixel);
  text += "digit\n";
  for (int row = 0; row < rows; ++row) {
    const int digit = row % 10;
    for (int pixel = 0; pixel < 784; ++pixel)
      text += fmt::format(
          "{},", (pixel / 28) / 3 == digit ? 200 + (row + pixel) % 50 : (row * 31 + pixel * 17) % 90);
    text += fmt::format("{}\n", digit);
  }
  return text;
}

/// Each character is most often the one before plus 3; 16 bits each.
std::string tokens(int count) {
  std::string text;
  for (int i = 0, token = 0; i < count; ++i, token = (i * i) % 7 == 0 ? i % 90 : (token + 3) % 90) {
    text += static_cast<char>(token);
    text += '\0';
  }
  return text;
}

class StepBits : public testing::Test {
 protected:
  World& world_ = test_world();
  const test::TemporaryFolder own_;
  const fs::path folder_ = broadcast_string(world_.control(), own_.path().string(), 0);

  /// The configuration of configs/`name`.yaml on data of its kind.
  RunConfig config_of(const std::string& name, const std::string& precision) const {
    std::vector<std::string> set{"trainer.epochs=100",
                                 fmt::format("trainer.max_steps={}", kSteps),
                                 "trainer.evaluate_every_steps=4",
                                 "trainer.log_every_steps=1",
                                 "trainer.device=cpu",
                                 "export.from=last",
                                 "trainer.precision=" + precision};
    const auto data = [&](const std::string& file, std::int64_t batch) {
      set.push_back(fmt::format("data.train_file={}", (folder_ / file).string()));
      set.push_back(fmt::format("trainer.global_batch_size={}", batch));
    };
    if (name == "cancer")
      set.push_back(fmt::format("data.train_file={}", source("datasets/cancer.csv").string()));
    if (name == "fraud") data("fraud.csv", 256);
    if (name == "mnist" || name == "mnist_resnet") data("images.csv", 23);
    if (name == "gpt_chars") data("tokens.bin", 7);
    return RunConfig::load(source("configs/" + name + ".yaml").string(), set);
  }

  void make_data() {
    together(world_.control(), "making data", [&] {
      if (world_.rank() != 0) return;
      write_synthetic_fraud(folder_ / "fraud.csv", 3000, 1);
      own_.write("images.csv", images(300));
      own_.write("tokens.bin", tokens(8000));
      auto characters = nlohmann::json::array();
      for (int i = 0; i < 90; ++i) characters.push_back(std::string(1, static_cast<char>(33 + i)));
      own_.write("tokens.vocabulary.json", nlohmann::json{{"tokens", characters}}.dump());
    });
  }

  struct Ran {
    std::string losses, weights;  ///< hashes
    std::vector<at::Tensor> values;
  };

  Ran run(const std::string& name, const std::string& precision, bool recorded) {
    RunConfig config = config_of(name, precision);
    config.job_dir = (folder_ / "job").string();
    test::CheckedRecorder recorder;
    StartOptions options;
    options.overwrite = true;
    if (recorded) options.recorder = recorder.recorder();
    const StopSignal signal;
    Trainer trainer(world_, config, options, signal);
    trainer.fit();
    EXPECT_EQ(recorder.replayed, recorded ? kSteps - 3 : 0);
    Ran ran;
    Hasher weights;
    const auto take = [&](const at::Tensor& tensor) {
      ran.values.push_back(tensor.detach().contiguous().clone());
      const auto& value = ran.values.back();
      weights.add({static_cast<const char*>(value.const_data_ptr()), value.nbytes()});
    };
    for (const auto& item : trainer.replica().model->named_parameters()) take(item.value());
    for (const auto& item : trainer.replica().model->named_buffers()) take(item.value());
    ran.weights = weights.text();
    std::string losses;
    if (world_.rank() == 0) {
      std::ifstream log(folder_ / "job" / "log.jsonl");
      for (std::string line; std::getline(log, line);)
        if (const auto event = nlohmann::json::parse(line); event.at("event") == "step")
          losses += event.at("loss").dump() + "\n";
    }
    ran.losses = hash_text(broadcast_string(world_.control(), losses, 0));
    agree_on(world_.control(), "the weights of " + name, ran.weights);
    return ran;
  }
};

TEST_F(StepBits, AreThoseThatAreKept) {
  make_data();
  const auto file = source("tests/trainer/step_bits.json");
  auto kept = nlohmann::json::parse(read_file(file));
  const bool writes = std::getenv("RINGTRAIN_WRITE_BITS") != nullptr;
  const bool knows = kept.contains(processor());
  if (!writes && !knows && world_.rank() == 0)
    fmt::print("no bits are kept for {}: recorded and plain steps are compared with each other only\n",
               processor());
  for (const auto& entry :
       std::set<fs::path>(fs::directory_iterator(source("configs")), fs::directory_iterator())) {
    const auto name = entry.stem().string();
    Ran plain;
    for (const auto& [precision, recorded] :
         {std::pair<std::string, bool>{"float32", false}, {"float32", true}, {"float64", false}}) {
      const auto what = fmt::format("{}, {} ranks, {}, {} steps", name, world_.world_size(), precision,
                                    recorded ? "recorded" : "plain");
      SCOPED_TRACE(what);
      const Ran ran = run(name, precision, recorded);
      const nlohmann::json bits{{"losses", ran.losses}, {"weights", ran.weights}};
      if (writes) kept[processor()][what] = bits;
      if (knows && !writes) {
        EXPECT_EQ(kept[processor()].value(what, nlohmann::json("none")), bits);
      }
      if (!recorded) {
        plain = ran;
        continue;
      }
      for (std::size_t i = 0; i < plain.values.size(); ++i)
        EXPECT_TRUE(at::allclose(ran.values[i], plain.values[i], 1e-5, 1e-5)) << "tensor " << i;
    }
  }
  if (writes && world_.rank() == 0) write_file_atomically(file, kept.dump(1) + "\n");
}

}  // namespace
}  // namespace ringtrain
