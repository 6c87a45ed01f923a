#include "launch/init/first_config.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "common/errors.h"
#include "common/text.h"
#include "common/yaml_reader.h"
#include "data/schema/column_selection.h"
#include "tests/common/temporary_folder.h"
#include "trainer/run_config.h"

namespace ringtrain {
namespace {

using test::TemporaryFolder;
using Cell = std::function<std::string(int row)>;

/// What looks random, below `most`.
int mixed(int row, int most) {
  return static_cast<int>((static_cast<unsigned>(row) * 2654435761U) >> 7) % most;
}

std::string number(int row) { return fmt::format("{}.25", mixed(row + 11, 83)); }

/// A CSV file with the column x of numbers before `columns`.
std::string csv(const std::vector<std::pair<std::string, Cell>>& columns, int rows) {
  std::string text = "x";
  for (const auto& [name, cell] : columns) text += "," + name;
  text += "\n";
  for (int row = 0; row < rows; ++row) {
    text += number(row);
    for (const auto& [name, cell] : columns) text += "," + cell(row);
    text += "\n";
  }
  return text;
}

struct Proposed {
  TableProfile table;
  FirstConfig config;
  RunConfig run;  ///< the written text, read back
  std::string text;
};

Proposed proposed(const std::string& content, const std::string& target) {
  const TemporaryFolder folder;
  Proposed result;
  result.table = profile_table(folder.write("a.csv", content));
  result.config = propose(result.table, target);
  result.text = result.config.to_yaml(result.table);
  result.run = RunConfig::from_text(result.text, "a.yaml");
  return result;
}

std::string refused(const std::string& content, const std::string& target) {
  const TemporaryFolder folder;
  try {
    const auto table = profile_table(folder.write("a.csv", content));
    propose(table, target);
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

#define EXPECT_HAS(text, part) \
  EXPECT_NE(std::string(text).find(part), std::string::npos) << "'" << (part) << "' is not in: " << (text)

const Cell kHalf = [](int r) { return mixed(r, 2) == 0 ? "no" : "yes"; };
const Cell kRare = [](int r) { return r % 10 == 0 ? "fraud" : "good"; };
const Cell kThree = [](int r) { return std::vector{"a", "b", "c"}[static_cast<std::size_t>(mixed(r, 3))]; };

TEST(FirstConfig, TheTaskIsThatOfTheTarget) {
  EXPECT_EQ(proposed(csv({{"y", kHalf}}, 100), "y").run.task.type, "binary_classification");
  EXPECT_EQ(proposed(csv({{"y", [](int r) { return std::to_string(mixed(r, 2)); }}}, 100), "y").run.task.type,
            "binary_classification");
  EXPECT_EQ(proposed(csv({{"y", kThree}}, 100), "y").run.task.type, "classification");
  EXPECT_EQ(
      proposed(csv({{"y", [](int r) { return std::to_string(1 + mixed(r, 5)); }}}, 100), "y").run.task.type,
      "classification");
  EXPECT_EQ(
      proposed(csv({{"y", [](int r) { return std::to_string(mixed(r, 60)); }}}, 100), "y").run.task.type,
      "regression");
  EXPECT_EQ(
      proposed(csv({{"y", [](int r) { return fmt::format("{}.5", mixed(r, 5)); }}}, 100), "y").run.task.type,
      "regression");
}

TEST(FirstConfig, AnImbalancedTargetIsJudgedByItsRareClass) {
  const auto rare = proposed(csv({{"y", kRare}}, 200), "y");
  EXPECT_EQ(rare.run.trainer.checkpoint.metric, "pr_auc");
  EXPECT_HAS(rare.run.to_yaml(), "threshold: best_f1");
  EXPECT_HAS(rare.text, "# Note: 'fraud' has 10.0% of the rows");
  const auto even = proposed(csv({{"y", kHalf}}, 200), "y");
  EXPECT_EQ(even.run.trainer.checkpoint.metric, "loss");
  EXPECT_HAS(even.run.to_yaml(), "threshold: fixed");
  EXPECT_HAS(even.run.to_yaml(), "fixed_threshold: 0.5");
}

TEST(FirstConfig, WhatIsMissingIsFilledAndNothingElse) {
  const Cell gaps = [](int r) { return r % 4 == 0 ? std::string() : kThree(r); };
  const auto whole = proposed(csv({{"w", kThree}, {"y", kHalf}}, 100), "y");
  EXPECT_EQ(whole.run.data.table().missing.numeric, "error");
  EXPECT_EQ(whole.run.data.table().missing.categorical, "error");
  const auto with_gaps = proposed(csv({{"w", gaps}, {"y", kHalf}}, 100), "y");
  EXPECT_EQ(with_gaps.run.data.table().missing.numeric, "error");
  EXPECT_EQ(with_gaps.run.data.table().missing.categorical, "category");
  EXPECT_HAS(with_gaps.text, "25 of 'w' missing");
  const Cell numbers = [](int r) { return r == 7 ? std::string() : number(r + 1); };
  EXPECT_EQ(proposed(csv({{"n", numbers}, {"y", kHalf}}, 100), "y").run.data.table().missing.numeric, "mean");
}

TEST(FirstConfig, ManyWordsHaveTheirEncoding) {
  const auto result = proposed(
      csv({{"w", kThree}, {"shop*", [](int r) { return fmt::format("s{}", r % 70); }}, {"y", kHalf}}, 600),
      "y");
  EXPECT_EQ(result.run.data.table().features.encodings.embedding, std::vector<std::string>{"shop\\*"});
  EXPECT_EQ(result.run.data.table().features.categorical, (std::vector<std::string>{"w", "shop\\*"}));
  EXPECT_HAS(result.text, "    encodings:\n      embedding:");
  const auto few = proposed(csv({{"w", kThree}, {"y", kHalf}}, 100), "y");
  EXPECT_EQ(few.text.find("encodings"), std::string::npos);
}

// The names that YAML and patterns would take for something else: each comes back as the column that it is.
TEST(FirstConfig, AwkwardNamesAreTheirColumns) {
  const TemporaryFolder folder;
  const std::vector<std::string> names = {"yes", "a: b", "#x", "*",  "V*", "\\*", "'",  "\"\"",  "null", "1",
                                          "- x", "[a",   "{b", "&c", "!d", "%e",  "@f", "größe", "a\tb", "|"};
  std::vector<std::pair<std::string, Cell>> columns;
  for (const auto& name : names) columns.emplace_back(fmt::format("\"{}\"", name), kThree);
  columns.emplace_back("plain", [](int r) { return number(r + 5); });
  columns.emplace_back("y", kHalf);
  const auto result = proposed(csv(columns, 60), "y");
  const auto selection =
      select_columns(result.run.data.table(), {.names = result.table.names(), .index = {}, .note = ""});
  EXPECT_EQ(selection.numeric.size(), 2U) << "x and plain: a star matches itself alone";
  EXPECT_EQ(selection.categorical.size(), names.size());
  for (const auto& name : {"*", "V*", "a: b", "yes", "#x"}) {
    const auto target = proposed(csv({{fmt::format("\"{}\"", name), kHalf}}, 60), name);
    EXPECT_EQ(target.run.data.table().targets, std::vector<std::string>{name});
  }
}

TEST(FirstConfig, WithoutATargetItSaysWhichIsLikely) {
  const auto content = csv({{"Class", kHalf}, {"z", kHalf}}, 20);
  const auto text = refused(content, "");
  EXPECT_HAS(text, "'Class', which its name says or 'z', the last column");
  EXPECT_HAS(text, "has: x, Class, z");
  EXPECT_HAS(refused(content, "Clas"), "Did you mean 'Class'?");
}

TEST(FirstConfig, WhatNothingCanBeLearnedFromIsRefused) {
  EXPECT_HAS(refused("x,y\n", "y"), "has columns but no rows");
  EXPECT_HAS(refused(csv({{"y", kHalf}}, 3), "y"), "3 rows have a value; at least 10 are needed");
  EXPECT_HAS(refused(csv({{"y", [](int) { return "a"; }}}, 30), "y"), "one value only, 'a'");
  EXPECT_HAS(refused(csv({{"y", [](int) { return ""; }}}, 30), "y"), "has no values");
  EXPECT_HAS(refused("y\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n", "y"),
             "no column is left to predict 'y' from; it is the only one");
  EXPECT_HAS(refused(csv({{"y", [](int r) { return fmt::format("w{}", r); }}}, 30), "y"),
             "too many for classes");
  EXPECT_HAS(refused(csv({{"y", [](int r) { return fmt::format("2024-07-{:02}", r + 1); }}}, 30), "y"),
             "holds dates");
  EXPECT_HAS(refused(csv({{"y", [](int r) { return r == 4 ? "oops" : number(r); }}}, 30), "y"),
             "'oops' in row 5");
  EXPECT_HAS(refused("a,y\nq,1\n" + std::string("q,2\nq,1\nq,2\nq,1\nq,2\nq,1\nq,2\nq,1\nq,2\n"), "y"),
             "'a' (one value: 'q')");
}

TEST(FirstConfig, NamesAfterFiles) {
  EXPECT_EQ(name_after("data/Titanic.csv"), "Titanic");
  EXPECT_EQ(name_after("a b.csv.gz"), "a_b");
  EXPECT_EQ(name_after("x.parquet"), "x");
  EXPECT_EQ(name_after(".csv"), "csv");
  EXPECT_EQ(name_after("v1.2.csv"), "v1.2");
  EXPECT_EQ(name_after("größe.csv").find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos);
}

TEST(FirstConfig, TheBatchGrowsWithTheRows) {
  EXPECT_EQ(batch_for(10), 16);
  EXPECT_EQ(batch_for(1024), 16);
  EXPECT_EQ(batch_for(2100), 32);
  EXPECT_EQ(batch_for(20000), 256);
  EXPECT_EQ(batch_for(50'000'000), 1024);
}

TEST(FirstConfig, TheTableNamesEachColumnOnce) {
  const auto result = proposed(csv({{"w", kThree}, {"y", kHalf}}, 100), "y");
  const auto text = result.config.to_table(result.table);
  EXPECT_HAS(text, "100 rows, 3 columns");
  EXPECT_HAS(text, "\nx       number    numbers, ");
  EXPECT_HAS(text, "\nw       category  3 words: ");
  EXPECT_HAS(text, "\ny       target    2 classes: ");
  EXPECT_HAS(text, "Task    binary_classification: two values");
}

}  // namespace
}  // namespace ringtrain
