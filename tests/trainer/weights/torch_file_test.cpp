#include "trainer/weights/torch_file.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "common/errors.h"
#include "tests/common/temporary_folder.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

// What is in them: make_fixtures.py.
const fs::path kFixtures = fs::path(RINGTRAIN_SOURCE_DIR) / "tests/trainer/weights/fixtures";

std::string refusal(const fs::path& file) {
  try {
    read_torch_file(file);
  } catch (const CheckpointError& error) {
    return error.what();
  }
  return "";
}

void expect_numbers(const at::Tensor& tensor, at::IntArrayRef shape, double first) {
  EXPECT_EQ(tensor.sizes(), shape);
  const auto expected = at::arange(tensor.numel(), at::kDouble).view(shape) + first;
  EXPECT_TRUE(at::equal(tensor.to(at::kDouble), expected)) << tensor;
}

TEST(TorchFile, StateDictsInTheirForms) {
  for (const char* name : {"state_dict.pt", "half.pt", "parameters.pt"}) {
    const auto weights = read_torch_file(kFixtures / name);
    ASSERT_EQ(weights.tensors.size(), 4U) << name;
    expect_numbers(weights.tensors.at("hidden0.weight"), {3, 2}, 0);
    expect_numbers(weights.tensors.at("hidden0.bias"), {3}, 100);
    expect_numbers(weights.tensors.at("output.weight"), {1, 3}, 200);
    expect_numbers(weights.tensors.at("output.bias"), {1}, 300);
    EXPECT_EQ(weights.tensors.at("output.bias").scalar_type(),
              std::string(name) == "half.pt" ? at::kHalf : at::kFloat);
    EXPECT_EQ(weights.order,
              (std::vector<std::string>{"hidden0.weight", "hidden0.bias", "output.weight", "output.bias"}));
    EXPECT_FALSE(weights.optimizer);
    EXPECT_FALSE(weights.step);
  }
}

TEST(TorchFile, ViewsOfOneStorage) {
  const auto weights = read_torch_file(kFixtures / "tied.pt").tensors;
  const auto whole = at::arange(12, at::kFloat);
  EXPECT_TRUE(at::equal(weights.at("whole"), whole.view({3, 4})));
  EXPECT_TRUE(at::equal(weights.at("turned"), whole.view({3, 4}).t()));
  EXPECT_TRUE(at::equal(weights.at("part"), whole.narrow(0, 4, 4)));
  EXPECT_EQ(weights.at("scalar").item<float>(), 2);
  EXPECT_EQ(weights.at("part").data_ptr(), weights.at("whole")[1].data_ptr());
}

TEST(TorchFile, OfDdpWithOptimizerAndWhatIsNoTensor) {
  const auto weights = read_torch_file(kFixtures / "ddp.pt");
  EXPECT_EQ(weights.order,
            (std::vector<std::string>{"hidden0.weight", "hidden0.bias", "output.weight", "output.bias"}));
  EXPECT_EQ(weights.step, 3);
  ASSERT_TRUE(weights.optimizer);
  ASSERT_EQ(weights.optimizer->groups.size(), 1U);
  const auto& group = weights.optimizer->groups[0];
  EXPECT_EQ(group.members, (std::vector<std::int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(group.options.at("betas"), (std::vector<double>{0.8, 0.95}));
  EXPECT_EQ(group.options.at("weight_decay"), std::vector<double>{0.1});
  EXPECT_EQ(group.options.at("amsgrad"), std::vector<double>{0});
  EXPECT_TRUE(group.names.empty());
  const auto& state = weights.optimizer->state.at(0);
  EXPECT_EQ(state.at("step").item<double>(), 3);
  EXPECT_EQ(state.at("exp_avg").sizes(), (std::vector<std::int64_t>{3, 2}));
}

/// Nothing of a pickle is run: what is no tensor is left where it is.
TEST(TorchFile, NothingIsRun) {
  const fs::path sign = "/tmp/ringtrain_pickle_was_run";
  ASSERT_FALSE(fs::exists(sign));
  const auto weights = read_torch_file(kFixtures / "evil.pt");
  EXPECT_EQ(weights.tensors.size(), 1U);
  EXPECT_FALSE(fs::exists(sign));
}

TEST(TorchFile, WhatIsRefusedSaysWhatToDo) {
  EXPECT_NE(refusal(kFixtures / "module.pt").find("torch.save(model.state_dict()"), std::string::npos);
  EXPECT_NE(refusal(kFixtures / "script.pt").find("TorchScript"), std::string::npos);
  const auto kinds = refusal(kFixtures / "other_kinds.pt");
  EXPECT_NE(kinds.find("of a kind that is not read here: 'eight' (torch."), std::string::npos) << kinds;
  EXPECT_NE(kinds.find("'few' (torch."), std::string::npos) << kinds;
  EXPECT_NE(refusal(kFixtures / "nothing.pt").find("holds an empty dict"), std::string::npos);
  const auto old = refusal(kFixtures / "old_format.pt");
  EXPECT_NE(old.find("no zip archive"), std::string::npos) << old;
  EXPECT_NE(old.find("save_file("), std::string::npos) << old;
}

/// Cut short, or with other bytes anywhere: an error, or what was stored; never more memory than there is.
TEST(TorchFile, DamagedFiles) {
  const test::TemporaryFolder folder;
  std::ostringstream whole;
  whole << std::ifstream(kFixtures / "ddp.pt", std::ios::binary).rdbuf();
  const auto bytes = whole.str();
  for (std::size_t length = 0; length < bytes.size(); length += 197)
    EXPECT_NE(refusal(folder.write("cut.pt", bytes.substr(0, length))), "") << length;
  int refused = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 17) {
    auto other = bytes;
    other[at] = static_cast<char>(other[at] ^ 0x41);
    if (!refusal(folder.write("other.pt", other)).empty()) ++refused;
  }
  EXPECT_GT(refused, 20);
}

}  // namespace
}  // namespace ringtrain
