#include "data/schema/word_codes.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <set>

#include "common/errors.h"
#include "data/schema/vocabulary.h"

namespace ringtrain {
namespace {

Preprocessing coded_example() {
  Preprocessing p;
  p.numeric = {{.name = "a", .shift = 1, .scale = 0.5}};
  p.categorical = {{.name = "city", .vocabulary = {"Bern", "Rom"}, .missing_is_category = true},
                   {.name = "shop",
                    .vocabulary = {"north", "south", "west"},
                    .missing_is_category = true,
                    .encoding = Encoding::embedding,
                    .min_count = 2},
                   {.name = "user", .encoding = Encoding::hash, .buckets = 1000}};
  p.targets = {"t"};
  p.labels = {"no", "yes"};
  return p;
}

std::vector<std::int64_t> codes_by_word(const CategoricalColumn& column,
                                        const std::vector<std::string>& words) {
  const WordCodes code(column);
  std::vector<std::int64_t> codes;
  for (const auto& word : words) codes.push_back(code(word));
  return codes;
}

using Codes = std::vector<std::int64_t>;

TEST(WordCodes, AWordAnUnseenOneAndAMissingOneHaveCodesOfTheirOwn) {
  auto shop = coded_example().categorical[1];
  EXPECT_EQ(codes_by_word(shop, {"", "east", "north", "south", "west"}), (Codes{0, 1, 2, 3, 4}));
  EXPECT_EQ(count_codes(shop), 5);
  // Without a missing value in training nothing was learned for it.
  shop.missing_is_category = false;
  shop.missing_is_unseen = true;
  EXPECT_EQ(codes_by_word(shop, {"", "east", "north"}), (Codes{1, 1, 2}));
}

/// What other programs that hash words rely on: XXH3_64bits of xxHash 0.8 by itself.
TEST(WordCodes, AHashIsXxh3OfTheText) {
  auto user = coded_example().categorical[2];
  EXPECT_EQ(
      codes_by_word(user, {"", "a", "Zürich", "a rather long word that has more than sixteen bytes", "4711"}),
      (Codes{0, 720, 631, 536, 242}));
  EXPECT_EQ(count_codes(user), 1001);
  user.buckets = 32768;
  EXPECT_EQ(codes_by_word(user, {"a", "Zürich"}), (Codes{20000, 10063}));
}

TEST(WordCodes, AHundredThousandWordsFillTheBuckets) {
  const WordCodes code({.name = "w", .encoding = Encoding::hash, .buckets = 4096});
  std::set<std::int64_t> found;
  for (int i = 0; i < 100'000; ++i) found.insert(code("word" + std::to_string(i)));
  EXPECT_EQ(found.size(), 4096U);
  EXPECT_EQ(*found.begin(), 1);
  EXPECT_EQ(*found.rbegin(), 4096);
}

/// A graph looks words up in this table; WordCodes finds the same.
TEST(WordCodes, TheTableOfAGraphSaysTheSame) {
  for (const auto& column : coded_example().categorical) {
    if (column.encoding == Encoding::hash) {
      EXPECT_THROW(word_table(column), std::logic_error);
      continue;
    }
    const auto table = word_table(column);
    ASSERT_EQ(table.words.size(), column.vocabulary.size() + 1);
    EXPECT_EQ(codes_by_word(column, table.words), table.codes);
    EXPECT_EQ(codes_by_word(column, {"never"}), Codes{table.otherwise});
  }
}

TEST(WordCodes, CodedColumnsAreAnInputOfTheirOwn) {
  const auto p = coded_example();
  EXPECT_EQ(p.width(), 4);
  EXPECT_EQ(p.coded(), (std::vector<CodedColumn>{{"shop", 5}, {"user", 1001}}));
  const auto codes =
      encode_words(p.categorical, {{"Rom", "", "Paris"}, {"west", "east", ""}, {"a", "", "4711"}}, 3);
  const auto inputs = p.apply(torch::tensor({{3.0f}, {1.0f}, {-1.0f}}), codes, at::kFloat);
  ASSERT_EQ(inputs.size(), 2U);
  EXPECT_TRUE(torch::equal(
      inputs.at("numeric"),
      torch::tensor({{1.0f, 0.0f, 1.0f, 0.0f}, {0.0f, 0.0f, 0.0f, 1.0f}, {-1.0f, 0.0f, 0.0f, 0.0f}})));
  EXPECT_TRUE(torch::equal(inputs.at("categories"), torch::tensor({{4, 720}, {1, 0}, {0, 242}}, at::kLong)));
  EXPECT_TRUE(torch::equal(encode_words(p.categorical, {{"", "", "Rom"}, {"", "", "west"}, {"", "", "a"}},
                                        std::vector<std::int64_t>{2}),
                           codes.narrow(0, 0, 1)));

  Preprocessing alone;
  alone.categorical = {p.categorical[1]};
  const auto only = alone.apply(torch::empty({1, 0}), torch::tensor({{3}}, at::kLong), at::kFloat);
  ASSERT_EQ(only.size(), 1U);
  EXPECT_TRUE(torch::equal(only.at("categories"), torch::tensor({{3}}, at::kLong)));
}

TEST(WordCodes, TheSchemaKeepsThem) {
  const auto json = coded_example().to_json();
  EXPECT_EQ(json["schema_version"], 3);  // so that an earlier ringtrain does not read them as one-hot
  EXPECT_TRUE(json["categorical"][2]["vocabulary"].empty());
  const auto again = Preprocessing::from_json(json);
  EXPECT_EQ(again.reading.version, 2);
  EXPECT_EQ(again.coded(), coded_example().coded());
  EXPECT_EQ(again.categorical[0].encoding, Encoding::one_hot);
  EXPECT_EQ(again.categorical[1].encoding, Encoding::embedding);
  EXPECT_EQ(again.categorical[1].min_count, 2);
  EXPECT_EQ(again.categorical[2].buckets, 1000);
  EXPECT_EQ(again.to_json(), json);

  auto plain = coded_example();
  plain.categorical.resize(1);
  EXPECT_EQ(plain.to_json()["schema_version"], 2);
  EXPECT_FALSE(plain.to_json()["categorical"][0].contains("encoding"));

  auto strange = json;
  strange["categorical"][1]["encoding"] = "sorted";
  EXPECT_THROW(Preprocessing::from_json(strange), DataError);
  strange = json;
  strange["categorical"][2]["buckets"] = 0;
  EXPECT_THROW(Preprocessing::from_json(strange), DataError);
}

TEST(WordCodes, UnseenWordsAreCountedWhereTheyCanBe) {
  const auto p = coded_example();
  UnseenWords unseen(p.categorical);
  unseen.count({{"Rom", "Paris", ""}, {"east", "", "west"}, {"a", "never", ""}});
  EXPECT_EQ(unseen.counts(), (std::vector<std::int64_t>{1, 1, 1}));  // of the hashed one the missing value
  EXPECT_NE(
      unseen.text().find("shop: 1 value that training did not see, or saw less than 2 times, first 'east'"),
      std::string::npos)
      << unseen.text();
}

}  // namespace
}  // namespace ringtrain
