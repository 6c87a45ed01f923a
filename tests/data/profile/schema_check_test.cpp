#include "data/profile/schema_check.h"

#include <gtest/gtest.h>

#include "data/profile/schema_infer.h"
#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using testing::TemporaryFolder;

DataSchema people() {
  DataSchema schema;
  schema.columns = {
      {.name = "age", .type = "whole", .domain = {}, .range = {0, 120}, .missing = 0},
      {.name = "colour", .type = "word", .domain = {"red", "blue"}, .range = {}, .missing = 0.25},
      {.name = "since", .type = "date", .domain = {}, .range = {}, .missing = 1}};
  return schema;
}

TEST(SchemaCheck, TellsAllViolationsAtOnce) {
  const TemporaryFolder folder;
  const auto file = folder.write("a.csv",
                                 "age,colour,since,other\n"
                                 "30,red,2024-01-01,x\n"
                                 "130,lilac,2024-01-02,x\n"
                                 "oops,blue,yesterday,x\n"
                                 "7.5,red,,x\n");
  std::vector<std::string> reasons;
  const auto report =
      hold_against(people(), file, {}, [&](const BadRow& row) { reasons.push_back(row.why); });
  EXPECT_EQ(report.rows, 4);
  EXPECT_EQ(report.bad_rows, (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(report.text(),
            "column 'age': 1 row no finite number: row 3: 'oops'\n"
            "column 'age': 1 row outside [0, 120]: row 2: 130\n"
            "column 'age': 1 row no whole number: row 4: 7.5\n"
            "column 'colour': 1 row none of its 2 words: row 2: 'lilac'\n"
            "column 'since': 1 row no date: row 3: 'yesterday'");
  ASSERT_EQ(reasons.size(), 3U);
  EXPECT_EQ(reasons[0], "column 'age': outside [0, 120]: 130; column 'colour': none of its 2 words: 'lilac'");
}

TEST(SchemaCheck, LooksAtColumnsAndMissingValues) {
  const TemporaryFolder folder;
  const auto file = folder.write("a.csv", "age,colour\n1,red\n,\n3,NA\n4,blue\n");
  const auto report = hold_against(people(), file, {});
  ASSERT_EQ(report.violations.size(), 3U) << report.text();
  EXPECT_EQ(report.violations[0].text(), "column 'age': 1 row without a value, 0.25 of all, more than 0");
  EXPECT_EQ(report.violations[1].count, 2);
  EXPECT_EQ(report.violations[2].text(), "column 'since': is not in the data");
  EXPECT_FALSE(report.violations[2].of_rows);
  EXPECT_TRUE(report.bad_rows.empty());
}

TEST(SchemaInfer, IsKeptByTheDataItComesFrom) {
  const TemporaryFolder folder;
  std::string text = "id,age,colour,since,note,code\n";
  for (int i = 1; i <= 40; ++i)
    text += std::to_string(i) + "," + (i % 8 == 0 ? "" : std::to_string(20.5 + i)) + "," +
            (i % 2 == 0 ? "red" : "\"dark, blue\"") + ",2024-01-01,text " + std::to_string(i) + ",0" +
            std::to_string(i) + "\n";
  const auto file = folder.write("a.csv", text);
  const auto schema = infer_schema(profile_table(file));
  ASSERT_EQ(schema.columns.size(), 6U);
  EXPECT_EQ(schema.find("id")->type, "whole");
  EXPECT_TRUE(schema.find("id")->range.empty()) << "it counts the rows";
  EXPECT_EQ(schema.find("age")->type, "number");
  EXPECT_EQ(schema.find("age")->range, (std::vector<double>{21.5, 59.5}));
  EXPECT_EQ(schema.find("age")->missing, 0.13);
  EXPECT_EQ(schema.find("colour")->domain, (std::vector<std::string>{"dark, blue", "red"}));
  EXPECT_EQ(schema.find("since")->type, "date");
  EXPECT_TRUE(schema.find("note")->domain.empty());
  EXPECT_EQ(schema.find("code")->type, "word") << "01 is a code";
  EXPECT_TRUE(hold_against(schema, file, {}).good()) << hold_against(schema, file, {}).text();
}

TEST(SchemaInfer, TellsHowTwoDiffer) {
  auto now = people();
  now.columns[0].range = {0, 99};
  now.columns[1].domain = {"red", "lilac"};
  now.columns[1].missing = 0.5;
  now.columns[2] = {.name = "weight", .type = "number"};
  EXPECT_TRUE(schema_differences(people(), people()).empty());
  EXPECT_EQ(schema_differences(people(), now),
            (std::vector<std::string>{
                "column 'since': is gone", "column 'age': its range was [0, 120], is [0, 99]",
                "column 'colour': new words: 'lilac'", "column 'colour': words that are gone: 'blue'",
                "column 'colour': at most 0.25 of its values were missing, 0.5 are",
                "column 'weight': is new (number)"}));
}

}  // namespace
}  // namespace ringtrain
