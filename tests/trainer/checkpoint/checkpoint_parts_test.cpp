#include "trainer/checkpoint/checkpoint_parts.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <thread>

#include "common/errors.h"
#include "tests/common/temporary_folder.h"
#include "trainer/checkpoint/checkpoint_store.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

std::string refusal(const std::function<void()>& body) {
  try {
    body();
  } catch (const CheckpointError& error) {
    return error.what();
  }
  return "";
}

TEST(CheckpointParts, PiecesJoinInOrder) {
  const NamedTensors weights{{"w", torch::zeros({2, 3})}};
  const auto joined = join_pieces({{piece_name("m/w", 4, 6), torch::tensor({4.F, 5.F})},
                                   {piece_name("m/w", 0, 4), torch::tensor({0.F, 1.F, 2.F, 3.F})},
                                   {"skipped_steps/w", torch::tensor(2)}},
                                  weights, "here");
  EXPECT_TRUE(at::equal(joined.at("m/w"), torch::arange(6, torch::kFloat).view({2, 3})));
  EXPECT_EQ(joined.at("skipped_steps/w").item<int>(), 2);
}

TEST(CheckpointParts, GapsOverlapsAndStrangersAreRefused) {
  const NamedTensors weights{{"w", torch::zeros({6})}};
  const auto piece = [](std::int64_t begin, std::int64_t end) {
    return std::pair{piece_name("m/w", begin, end), torch::zeros({end - begin})};
  };
  for (const NamedTensors& bad : {NamedTensors{piece(0, 3), piece(4, 6)},
                                  {piece(0, 3), piece(2, 6)},
                                  {piece(0, 3)},
                                  {piece(0, 3), piece(3, 8)},
                                  {piece(3, 6)}})
    EXPECT_NE(refusal([&] { join_pieces(bad, weights, "here"); }).find("here: the parts of 'm/w'"),
              std::string::npos);
  EXPECT_NE(refusal([&] {
              join_pieces({{piece_name("m/x", 0, 1), torch::zeros({1})}}, weights, "here");
            }).find("m/x"),
            std::string::npos);
  EXPECT_NE(refusal([&] {
              join_pieces({{piece_name("m/w", 0, 2), torch::zeros({1})}}, weights, "here");
            }).find("m/w"),
            std::string::npos);
}

class Parts : public testing::Test {
 protected:
  static Checkpoint rank_0() {
    Checkpoint checkpoint;
    checkpoint.step = 10;
    checkpoint.weights["w"] = torch::ones({4});
    checkpoint.optimizer[piece_name("m/w", 0, 2)] = torch::ones({2});
    checkpoint.progress = checkpoint.preprocessing = nlohmann::json::object();
    checkpoint.config = "x\n";
    return checkpoint;
  }
  const test::TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

TEST_F(Parts, EachRankWritesItsOwn) {
  const CheckpointStore store(folder_);
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    store.save_part(10, 1, {{piece_name("m/w", 2, 4), torch::full({2}, 7.0)}});
  });
  store.save(rank_0(), false, {}, 2);
  other.join();
  EXPECT_TRUE(at::equal(store.load(10).optimizer.at("m/w"), torch::tensor({1.F, 1.F, 7.F, 7.F})));
  EXPECT_FALSE(fs::exists(folder_ / ".step-10.parts"));
}

TEST_F(Parts, ARankThatFailsIsNamed) {
  const CheckpointStore store(folder_);
  fs::create_directories(folder_ /
                         ".step-10.parts/optimizer-1.safetensors");  // a folder where its file should be
  EXPECT_NE(refusal([&] { store.save_part(10, 1, {}); }), "");
  const auto text = refusal([&] { store.save(rank_0(), false, {}, 2); });
  EXPECT_TRUE(text.starts_with("rank 1: cannot create")) << text;
  EXPECT_TRUE(store.steps().empty());
}

TEST_F(Parts, ARankThatWritesNothingIsNamed) {
  EXPECT_NE(refusal([&] {
              take_parts(folder_ / "parts", 3, folder_, std::chrono::seconds(0));
            }).find("rank 1 wrote no part"),
            std::string::npos);
}

}  // namespace
}  // namespace ringtrain
