#include "data/tokens/characters.h"

#include <gtest/gtest.h>

#include "data/tokens/token_file.h"
#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using testing::data_error;

TEST(Characters, EachIsATokenByCodePoint) {
  const testing::TemporaryFolder folder;
  const auto result = tokenize_characters({folder.write("a", "ba\n"), folder.write("b", "é€b")});
  EXPECT_EQ(result.vocabulary, (std::vector<std::string>{"\n", "a", "b", "é", "€"}));
  EXPECT_EQ(result.tokens, (std::vector<std::uint16_t>{2, 1, 0, 3, 4, 2}));
}

TEST(Characters, ALinkToAFileThatWasReadAddsNothing) {
  const testing::TemporaryFolder folder;
  const auto file = folder.write("GPL-3", "xy");
  std::filesystem::create_symlink("GPL-3", folder.path() / "GPL");
  EXPECT_EQ(tokenize_characters({folder.path() / "GPL", file}).tokens.size(), 2U);
}

TEST(Characters, TheVocabularyLiesBesideTheTokens) {
  const testing::TemporaryFolder folder;
  const auto file = folder.path() / "text.bin";
  write_character_tokens(file, tokenize_characters({folder.write("a", "\"\\é")}));
  EXPECT_EQ(vocabulary_file_of(file), folder.path() / "text.vocabulary.json");
  EXPECT_EQ(read_token_vocabulary(vocabulary_file_of(file)), (std::vector<std::string>{"\"", "\\", "é"}));
  EXPECT_EQ(TokenFile(file).size(), 3);
}

TEST(Characters, WhatIsNotUtf8IsNamed) {
  const testing::TemporaryFolder folder;
  const auto text = data_error([&] { tokenize_characters({folder.write("latin1", "ab\xe9 c")}); });
  EXPECT_NE(text.find("latin1: byte 2 is not UTF-8"), std::string::npos) << text;
}

TEST(Characters, AVocabularyFileMustBeOne) {
  const testing::TemporaryFolder folder;
  const auto text = data_error([&] { read_token_vocabulary(folder.write("v.json", "[1]")); });
  EXPECT_NE(text.find("v.json: expected {\"tokens\""), std::string::npos) << text;
}

}  // namespace
}  // namespace ringtrain
