#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "data/tokens/token_parts.h"
#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using testing::data_error;

/// A file of the tokens 0, 1, 2, …
std::filesystem::path counting(const testing::TemporaryFolder& folder, const std::string& name, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    bytes += static_cast<char>(i % 256);
    bytes += static_cast<char>(i / 256);
  }
  return folder.write(name, bytes);
}

TokensConfig config_of(const std::filesystem::path& file) {
  TokensConfig config;
  config.train_file = file.string();
  return config;
}

std::vector<std::int64_t> values(const at::Tensor& tensor) {
  const auto flat = tensor.contiguous();
  return {flat.const_data_ptr<std::int64_t>(), flat.const_data_ptr<std::int64_t>() + flat.numel()};
}

std::vector<std::int64_t> tokens_of(const TokenFile& file) {
  std::vector<std::int64_t> tokens(static_cast<std::size_t>(file.size()));
  file.copy(0, file.size(), tokens.data());
  return tokens;
}

TEST(TokenFile, IsLittleEndian16Bit) {
  const testing::TemporaryFolder folder;
  const TokenFile file(folder.write("a.bin", std::string("\x01\x02\xff\xff", 4)));
  EXPECT_EQ(tokens_of(file), (std::vector<std::int64_t>{0x0201, 0xffff}));
}

TEST(TokenFile, WhatIsWrittenIsRead) {
  const testing::TemporaryFolder folder;
  const std::vector<std::uint16_t> tokens{7, 0, 65535, 258};
  const std::vector<std::int64_t> expected(tokens.begin(), tokens.end());
  write_token_file(folder.path() / "b.bin", tokens);
  const TokenFile file(folder.path() / "b.bin");
  EXPECT_EQ(tokens_of(file), expected);
}

TEST(TokenFile, RefusesWhatIsNoTokenFile) {
  const testing::TemporaryFolder folder;
  const auto error_of = [](const std::filesystem::path& file) {
    return data_error([&] { TokenFile read(file); });
  };
  EXPECT_NE(error_of(folder.path() / "none.bin").find("none.bin: No such file"), std::string::npos);
  EXPECT_NE(error_of(folder.write("odd.bin", "abc")).find("odd.bin: it has 3 bytes, an odd number"),
            std::string::npos);
  EXPECT_NE(error_of(folder.write("empty.bin", "")).find("empty.bin: it is empty"), std::string::npos);
  EXPECT_NE(error_of(folder.path()).find("it is not a file"), std::string::npos);
}

TEST(TokenFile, NamesATokenThatIsNotInTheVocabulary) {
  const testing::TemporaryFolder folder;
  const TokenFile file(counting(folder, "c.bin", 300));
  EXPECT_NO_THROW(file.require_below(300));
  const auto text = data_error([&] { file.require_below(298); });
  EXPECT_NE(text.find("c.bin: token 298 at position 298 is not in the vocabulary of 298 (0 to 297)"),
            std::string::npos)
      << text;
}

TEST(TokenDataset, EachTokenIsATargetOnce) {
  const testing::TemporaryFolder folder;
  const auto parts = read_token_parts(
      [&] {
        auto config = config_of(counting(folder, "d.bin", 12));
        config.split = {.train = 1, .validation = 0, .test = 0};
        return config;
      }(),
      4, 100);
  // 12 tokens: 2 windows of 4 and what follows; tokens 9 to 11 are left over.
  ASSERT_EQ(parts.train->size(), 2);
  const auto batch = parts.train->read({1, 0});
  EXPECT_EQ(batch.inputs.only().sizes(), (std::vector<std::int64_t>{2, 4}));
  EXPECT_EQ(values(batch.inputs), (std::vector<std::int64_t>{4, 5, 6, 7, 0, 1, 2, 3}));
  EXPECT_EQ(values(batch.targets), (std::vector<std::int64_t>{5, 6, 7, 8, 1, 2, 3, 4}));
  EXPECT_EQ(values(batch.sample), (std::vector<std::int64_t>{4, 0}));
  EXPECT_EQ(parts.train->read({}).inputs.only().sizes(), (std::vector<std::int64_t>{0, 4}));
}

TEST(TokenDataset, ReadsTokensOf32Bits) {
  const testing::TemporaryFolder folder;
  std::string bytes;
  for (std::uint32_t i = 0; i < 200; ++i) {
    const std::uint32_t token = 70000 + i;
    bytes.append(reinterpret_cast<const char*>(&token), sizeof token);
  }
  auto config = config_of(folder.write("wide.bin", bytes));
  config.split = {.train = 1, .validation = 0, .test = 0};
  const auto parts = read_token_parts(config, 9, 128256);
  ASSERT_EQ(parts.train->size(), 22);
  EXPECT_EQ(values(parts.train->read({21}).inputs),
            (std::vector<std::int64_t>{70189, 70190, 70191, 70192, 70193, 70194, 70195, 70196, 70197}));
  EXPECT_EQ(values(parts.train->read({21}).targets).back(), 70198);
  EXPECT_NE(data_error([&] {
              read_token_parts(config, 9, 70100);
            }).find("token 70100 at position 100 is not in the vocabulary of 70,100"),
            std::string::npos);
}

TEST(TokenDataset, PartsAreContiguousRuns) {
  const testing::TemporaryFolder folder;
  auto config = config_of(counting(folder, "e.bin", 101));
  config.split = {.train = 0.5, .validation = 0.3, .test = 0.2};
  const auto parts = read_token_parts(config, 10, 200);
  EXPECT_EQ(parts.train->size(), 5);
  EXPECT_EQ(parts.validation->size(), 3);
  EXPECT_EQ(parts.test->size(), 2);
  EXPECT_EQ(values(parts.validation->read({0}).sample), std::vector<std::int64_t>{50});
  EXPECT_EQ(values(parts.test->read({1}).targets).back(), 100);
}

TEST(TokenDataset, FilesOfTheirOwn) {
  const testing::TemporaryFolder folder;
  auto config = config_of(counting(folder, "f.bin", 41));
  config.validation_file = counting(folder, "g.bin", 25).string();
  const auto parts = read_token_parts(config, 10, 200);
  EXPECT_EQ(parts.train->size(), 4);
  EXPECT_EQ(parts.validation->size(), 2);
  EXPECT_EQ(parts.test->size(), 0);
}

TEST(TokenDataset, AFileShorterThanASampleIsRefused) {
  const testing::TemporaryFolder folder;
  const auto file = counting(folder, "h.bin", 10);
  const auto text = data_error([&] { read_token_parts(config_of(file), 10, 200); });
  EXPECT_NE(text.find("h.bin: 10 tokens are less than one sample of model.context + 1 = 11"),
            std::string::npos)
      << text;
}

TEST(TokenDataset, APartWithoutTrainingSamplesIsRefused) {
  const testing::TemporaryFolder folder;
  auto config = config_of(counting(folder, "i.bin", 11));
  config.split = {.train = 0.3, .validation = 0.7, .test = 0};
  const auto text = data_error([&] { read_token_parts(config, 10, 200); });
  EXPECT_NE(text.find("leave none for data.split.train 0.3"), std::string::npos) << text;
}

}  // namespace
}  // namespace ringtrain
