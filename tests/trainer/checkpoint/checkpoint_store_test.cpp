#include "trainer/checkpoint/checkpoint_store.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <fstream>

#include "common/errors.h"
#include "common/files.h"
#include "tests/common/temporary_folder.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

class Store : public testing::Test {
 protected:
  static Checkpoint at_step(std::int64_t step) {
    Checkpoint checkpoint;
    checkpoint.step = step;
    checkpoint.weights["layer.weight"] = torch::full({2, 2}, static_cast<double>(step));
    checkpoint.optimizer["momentum/layer.weight"] = torch::full({2, 2}, -static_cast<double>(step));
    checkpoint.progress = {{"best", 0.1}};
    checkpoint.preprocessing = {{"target", "y"}};
    checkpoint.config = "name: x\n";
    return checkpoint;
  }
  static std::string message(const std::function<void()>& body) {
    try {
      body();
    } catch (const CheckpointError& error) {
      return error.what();
    }
    return "";
  }

  const test::TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

TEST_F(Store, LoadsWhatWasSaved) {
  CheckpointStore store(folder_);
  store.save(at_step(10), false, {.keep = 3});
  const auto loaded = store.load(10);
  EXPECT_EQ(loaded.step, 10);
  EXPECT_TRUE(at::equal(loaded.weights.at("layer.weight"), torch::full({2, 2}, 10.0)));
  EXPECT_TRUE(at::equal(loaded.optimizer.at("momentum/layer.weight"), torch::full({2, 2}, -10.0)));
  EXPECT_EQ(loaded.progress["best"], 0.1);
  EXPECT_EQ(loaded.config, "name: x\n");
  EXPECT_EQ(read_file(folder_ / "latest"), "step-10\n");
}

TEST_F(Store, ALoopOfOnesOwnHasWeightsAlone) {
  const CheckpointStore store(folder_);
  Checkpoint checkpoint;
  checkpoint.step = 4;
  checkpoint.weights["w"] = torch::ones({2});
  store.save(checkpoint, false, {.keep = 1});
  EXPECT_TRUE(at::equal(store.load_newest().weights.at("w"), torch::ones({2})));
}

TEST_F(Store, KeepsTheNewestAndTheBest) {
  CheckpointStore store(folder_);
  for (int step = 1; step <= 6; ++step) store.save(at_step(step), step == 2, {.keep = 2});
  EXPECT_EQ(store.steps(), (std::vector<std::int64_t>{2, 5, 6}));
  EXPECT_EQ(store.best(), 2);
}

TEST_F(Store, NothingButWholeFoldersIsLeftBehind) {
  CheckpointStore store(folder_);
  store.save(at_step(1), true, {.keep = 3});
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const auto name = entry.path().filename().string();
    EXPECT_TRUE(name == "step-1" || name == "latest" || name == "best") << name;
  }
}

TEST_F(Store, EachDamagedFileIsNamed) {
  CheckpointStore store(folder_);
  for (const char* file :
       {"model.safetensors", "optimizer.safetensors", "state.json", "schema.json", "config.yaml"}) {
    store.save(at_step(1), false, {.keep = 3});
    const auto path = store.folder_of(1) / file;
    auto content = read_file(path);
    content.back() ^= 1;
    std::ofstream(path, std::ios::binary) << content;
    const auto text = message([&] { store.load(1); });
    EXPECT_NE(text.find(std::string(file) + " does not match its checksum"), std::string::npos) << text;
    fs::remove(path);
    EXPECT_NE(message([&] { store.load(1); }).find(std::string(file) + " is missing"), std::string::npos);
  }
}

TEST_F(Store, TheOneBeforeADamagedOneIsLoaded) {
  CheckpointStore store(folder_);
  store.save(at_step(1), false, {.keep = 3});
  store.save(at_step(2), false, {.keep = 3});
  fs::resize_file(store.folder_of(2) / "model.safetensors", 10);
  EXPECT_EQ(store.load_newest().step, 1);
  fs::remove(store.folder_of(1) / "manifest.json");
  const auto text = message([&] { store.load_newest(); });
  EXPECT_NE(text.find("none of the 2 checkpoints"), std::string::npos) << text;
  EXPECT_NE(text.find("model.safetensors has 10 bytes"), std::string::npos) << text;
}

TEST_F(Store, ADamagedOneIsReplacedWhenItsStepComesAgain) {
  CheckpointStore store(folder_);
  store.save(at_step(2), false, {.keep = 3});
  fs::resize_file(store.folder_of(2) / "model.safetensors", 10);
  store.save(at_step(2), false, {.keep = 3});
  EXPECT_EQ(store.load(2).step, 2);
}

TEST_F(Store, NoCheckpointIsSaidSo) {
  const CheckpointStore store(folder_);
  EXPECT_NE(message([&] { store.load_newest(); }).find("there is no checkpoint in"), std::string::npos);
  EXPECT_NE(message([&] { store.load(7); }).find("there is no checkpoint"), std::string::npos);
}

}  // namespace
}  // namespace ringtrain
