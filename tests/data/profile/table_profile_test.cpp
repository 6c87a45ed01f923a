#include "data/profile/table_profile.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "tests/data/parquet_writer.h"
#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using testing::TemporaryFolder;

TEST(TableProfile, CountsWhatAColumnHolds) {
  const TemporaryFolder folder;
  const auto file = folder.write("a.csv",
                                 "n,w,when,odd\n"
                                 "1,red,2024-07-01,1\n"
                                 "1.0,blue,2024/07/02 12:30,2\n"
                                 ",red,,oops\n"
                                 "-2.5,NA,2024-08,4\n");
  const auto table = profile_table(file);
  EXPECT_EQ(table.rows, 4);
  EXPECT_EQ(table.all_rows, 4);
  EXPECT_TRUE(table.whole());
  EXPECT_EQ(table.names(), (std::vector<std::string>{"n", "w", "when", "odd"}));

  const auto& n = *table.find("n");
  EXPECT_TRUE(n.all_numbers());
  EXPECT_EQ(n.missing, 1);
  EXPECT_EQ(n.present, 3);
  EXPECT_EQ(n.whole, 2);
  EXPECT_EQ(n.distinct, 2) << "1 and 1.0 are one";
  EXPECT_EQ(n.low, -2.5);
  EXPECT_EQ(n.high, 1);
  EXPECT_TRUE(n.odd.empty());

  const auto& w = *table.find("w");
  EXPECT_EQ(w.numbers, 0);
  EXPECT_EQ(w.missing, 1);
  ASSERT_EQ(w.values.size(), 2U);
  EXPECT_EQ(w.values[0].text, "red");
  EXPECT_EQ(w.values[0].count, 2);

  EXPECT_TRUE(table.find("when")->all_dates());
  const auto& odd = *table.find("odd");
  EXPECT_FALSE(odd.all_numbers());
  EXPECT_EQ(odd.odd, "oops");
  EXPECT_EQ(odd.odd_row, 3);
  EXPECT_EQ(table.find("none"), nullptr);
}

TEST(TableProfile, InfinityIsNoNumber) {
  const TemporaryFolder folder;
  const auto table = profile_table(folder.write("a.csv", "n,huge\n1,1\ninf,1e300\n"));
  EXPECT_EQ(table.find("n")->numbers, 1);
  EXPECT_EQ(table.find("n")->odd, "inf");
  EXPECT_EQ(table.find("huge")->numbers, 1) << "what float32 cannot hold";
}

TEST(TableProfile, RowNumbersAreKnown) {
  const TemporaryFolder folder;
  const auto table = profile_table(folder.write("a.csv", "zero,one,gap,back\n0,1,1,3\n1,2,2,2\n2,3,4,1\n"));
  EXPECT_TRUE(table.find("zero")->counts_rows);
  EXPECT_TRUE(table.find("one")->counts_rows);
  EXPECT_FALSE(table.find("gap")->counts_rows);
  EXPECT_FALSE(table.find("back")->counts_rows);
}

TEST(TableProfile, LooksAtTheFirstRowsAndCountsTheOthers) {
  const TemporaryFolder folder;
  std::string text = "n\n";
  for (int row = 0; row < 5000; ++row) text += std::to_string(row < 1200 ? row : -1) + "\n";
  const auto table = profile_table(folder.write("a.csv", text), 1200);
  EXPECT_EQ(table.rows, 1200);
  EXPECT_EQ(table.all_rows, 5000);
  EXPECT_FALSE(table.whole());
  EXPECT_EQ(table.find("n")->low, 0);
  EXPECT_EQ(table.find("n")->distinct, 1200);
  EXPECT_EQ(table.find("n")->values.size(), ColumnProfile::kKept);
}

TEST(TableProfile, ReadsParquetOfAllTypes) {
  const TemporaryFolder folder;
  const auto table = arrow::Table::Make(
      arrow::schema({arrow::field("d", arrow::float64()), arrow::field("w", arrow::utf8()),
                     arrow::field("i", arrow::int64()), arrow::field("t", arrow::list(arrow::int64()))}),
      {testing::doubles({0.1, 2, 3}, {true, false, true}), testing::words({"a", "", "a"}),
       testing::integers({9007199254740993, 9007199254740992, 5}), [] {
         arrow::ListBuilder lists(arrow::default_memory_pool(), std::make_shared<arrow::Int64Builder>());
         for (int i = 0; i < 3; ++i) EXPECT_TRUE(lists.Append().ok());
         return lists.Finish().ValueOrDie();
       }()});
  const auto found = profile_table(testing::write_parquet(folder.path() / "a.parquet", *table, 2));
  EXPECT_EQ(found.names(), (std::vector<std::string>{"d", "w", "i", "t"}));
  EXPECT_EQ(found.rows, 3);
  EXPECT_EQ(found.find("d")->missing, 1);
  EXPECT_TRUE(found.find("d")->all_numbers());
  EXPECT_EQ(found.find("d")->values[0].text, "0.1") << "as it was written, not as float32 has it";
  EXPECT_EQ(found.find("w")->missing, 1);
  EXPECT_EQ(found.find("i")->numbers, 2) << "one is a whole number that float64 does not hold";
  EXPECT_FALSE(found.find("t")->unread.empty());
}

TEST(TableProfile, ARowWithAWrongNumberOfFieldsIsToldWithItsPlace) {
  const TemporaryFolder folder;
  const auto file = folder.write("a.csv", "a,b\n1,2\n1\n");
  const auto text = testing::data_error([&] { profile_table(file); });
  EXPECT_CONTAINS(text, "row 2 (line 3)");
  EXPECT_CONTAINS(text, "a.csv");
}

TEST(TableProfile, OneToOneIsTwoNamesForTheSameThing) {
  const TemporaryFolder folder;
  const auto table =
      profile_table(folder.write("a.csv",
                                 "y,same,coarse,fine,one\n"
                                 "0,no,a,p,x\n1,yes,b,q,x\n0,no,a,r,x\n2,maybe,b,s,x\n,no,b,t,x\n"));
  const auto& y = *table.find("y");
  EXPECT_TRUE(one_to_one(y, *table.find("same")));
  EXPECT_FALSE(one_to_one(y, *table.find("coarse")));
  EXPECT_FALSE(one_to_one(y, *table.find("fine")));
  EXPECT_FALSE(one_to_one(y, *table.find("one")));
}

TEST(TableProfile, CorrelationIsPearsons) {
  const TemporaryFolder folder;
  const auto table = profile_table(
      folder.write("a.csv", "x,twice,other,flat,gap\n1,2,2,5,1\n2,4,1,5,\n3,6,4,5,3\n4,8,3,5,4\n"));
  const auto& x = *table.find("x");
  EXPECT_NEAR(correlation(x, *table.find("twice")), 1, 1e-12);
  EXPECT_NEAR(correlation(x, *table.find("other")), 0.6, 1e-12);
  EXPECT_EQ(correlation(x, *table.find("flat")), 0);
  EXPECT_NEAR(correlation(x, *table.find("gap")), 1, 1e-12);
}

TEST(TableProfile, NamesOfTables) {
  for (const char* name : {"a.csv", "b/a.csv.gz", "a.tsv", "a.tsv.gz", "a.parquet", "a.pq", "a.b.csv"})
    EXPECT_TRUE(is_table_file(name)) << name;
  for (const char* name : {"a.yaml", "csv", "a.csv.yaml", "a.gz", "", "a.csv/config"})
    EXPECT_FALSE(is_table_file(name)) << name;
}

}  // namespace
}  // namespace ringtrain
