#include "trainer/weights/stored_weights.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/common/temporary_folder.h"
#include "trainer/checkpoint/found_checkpoint.h"
#include "trainer/weights/weights_config.h"

namespace ringtrain {
namespace {

std::string refusal(const std::filesystem::path& from) {
  try {
    read_stored_weights(from);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

Checkpoint checkpoint(std::int64_t step) {
  Checkpoint made;
  made.step = step;
  made.weights = {{"w", at::full({2}, static_cast<double>(step))}};
  made.progress = made.preprocessing = nlohmann::json::object();
  return made;
}

TEST(StoredWeights, FilesInParts) {
  const test::TemporaryFolder folder;
  folder.write("a-1.safetensors", write_safetensors({{"x", at::ones({1})}}));
  folder.write("a-2.safetensors", write_safetensors({{"y", at::ones({2})}}));
  const auto index = folder.write("a.safetensors.index.json",
                                  R"({"weight_map": {"x": "a-1.safetensors", "y": "a-2.safetensors"}})");
  EXPECT_EQ(read_stored_weights(index).tensors.size(), 2U);
  EXPECT_EQ(read_stored_weights(folder.path()).tensors.at("y").numel(), 2)
      << "the index of a folder goes first";
  folder.write("a.safetensors.index.json",
               R"({"weight_map": {"x": "a-1.safetensors", "z": "a-2.safetensors"}})");
  EXPECT_NE(refusal(index).find("'y' that does not belong there"), std::string::npos) << refusal(index);
  folder.write("a.safetensors.index.json", R"({"weight_map": {"x": "../a-1.safetensors"}})");
  EXPECT_NE(refusal(index).find("no file beside it"), std::string::npos) << refusal(index);
  folder.write("a.safetensors.index.json", R"({"weight_map": {"x": "a-3.safetensors"}})");
  EXPECT_NE(refusal(index).find("is missing"), std::string::npos) << refusal(index);
}

TEST(StoredWeights, WrappersGoFromEveryKindOfFile) {
  const test::TemporaryFolder folder;
  const auto file = folder.write("a.safetensors", write_safetensors({{"_orig_mod.module.x", at::ones({1})},
                                                                     {"_orig_mod.module.y", at::ones({2})}}));
  EXPECT_EQ(read_stored_weights(file).tensors.at("y").numel(), 2);
  folder.write("b-1.safetensors", write_safetensors({{"module.x", at::ones({1})}}));
  folder.write("b-2.safetensors", write_safetensors({{"module.y", at::ones({2})}}));
  const auto index =
      folder.write("b.safetensors.index.json",
                   R"({"weight_map": {"module.x": "b-1.safetensors", "module.y": "b-2.safetensors"}})");
  EXPECT_EQ(read_stored_weights(index).tensors.at("x").numel(), 1);
  const auto some =
      folder.write("c.safetensors", write_safetensors({{"module.x", at::ones({1})}, {"y", at::ones({2})}}));
  EXPECT_TRUE(read_stored_weights(some).tensors.contains("module.x")) << "a part of that name stays";
}

TEST(StoredWeights, FilesOfOtherNamesAndPointers) {
  const test::TemporaryFolder folder;
  const auto lightning = folder.path() / "last.ckpt";
  std::filesystem::copy_file(std::string(RINGTRAIN_SOURCE_DIR) + "/tests/trainer/weights/fixtures/ddp.pt",
                             lightning);
  EXPECT_EQ(read_stored_weights(lightning).tensors.size(), 4U);
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
  for (const char* name : {"a.safetensors", "a.pt", "a.safetensors.index.json"})
    EXPECT_NE(refusal(folder.write(name, pointer)).find("`git lfs pull`"), std::string::npos) << name;
}

TEST(StoredWeights, FoldersThatHoldOneOrSeveral) {
  const test::TemporaryFolder folder;
  EXPECT_NE(refusal(folder.path()).find("holds no weights"), std::string::npos);
  folder.write("b.safetensors", write_safetensors({{"x", at::ones({1})}}));
  folder.write("config.json", "{}");
  EXPECT_EQ(read_stored_weights(folder.path()).config, "{}");
  folder.write("c.safetensors", write_safetensors({{"x", at::ones({1})}}));
  EXPECT_NE(refusal(folder.path()).find("b.safetensors, c.safetensors; name one"), std::string::npos);
  EXPECT_NE(refusal(folder.write("d.gguf", "")).find("*.safetensors"), std::string::npos);
  EXPECT_NE(refusal(folder.path() / "none").find("there is no"), std::string::npos);
}

/// A step of its own, the best one of a job, that of an exported version.
TEST(StoredWeights, Checkpoints) {
  const test::TemporaryFolder folder;
  const CheckpointStore store(folder.path() / "job/checkpoints");
  store.save(checkpoint(3), true, {});
  store.save(checkpoint(5), false, {});
  const auto first = [](const std::filesystem::path& from) {
    return read_stored_weights(from).tensors.at("w")[0].item<double>();
  };
  EXPECT_EQ(first(folder.path() / "job/checkpoints/step-5"), 5);
  EXPECT_EQ(first(folder.path() / "job/checkpoints/step-5/"), 5);
  EXPECT_EQ(first(folder.path() / "job"), 3);
  std::filesystem::remove(folder.path() / "job/checkpoints/best");
  EXPECT_EQ(first(folder.path() / "job"), 5);
  store.copy_without_optimizer(3, folder.path() / "models/m/1/training");
  EXPECT_EQ(first(folder.path() / "models/m/1"), 3);
  EXPECT_FALSE(find_checkpoint(folder.path()));
  EXPECT_FALSE(find_checkpoint(folder.path() / "step-5x"));
}

TEST(WeightsConfig, NamesAreRewrittenByTheirStar) {
  std::string name = "module.encoder.w";
  EXPECT_TRUE((RenameConfig{"module.*", "*"}.apply(name)));
  EXPECT_EQ(name, "encoder.w");
  EXPECT_TRUE((RenameConfig{"encoder.*", "body.*.deep"}.apply(name)));
  EXPECT_EQ(name, "body.w.deep");
  EXPECT_FALSE((RenameConfig{"w", "v"}.apply(name)));
  EXPECT_FALSE((RenameConfig{"body.w*w.deep", "v"}.apply(name))) << "both ends of the pattern in one letter";
  EXPECT_TRUE((RenameConfig{"body.w.deep", "v"}.apply(name)));
  EXPECT_EQ(name, "v");
}

}  // namespace
}  // namespace ringtrain
