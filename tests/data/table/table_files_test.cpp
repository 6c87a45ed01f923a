#include "data/table/table_files.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "data/table/column_stream.h"
#include "data/table/table.h"
#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

class Place {
 public:
  void write(const std::string& name, const std::string& content) const {
    const auto file = folder_.path() / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << content;
  }
  fs::path operator/(const std::string& name) const { return folder_.path() / name; }
  const fs::path& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

std::vector<std::string> names_of(const fs::path& place) {
  std::vector<std::string> names;
  for (const auto& file : table_files(place)) names.push_back(name_in(place, file.path));
  return names;
}

using Names = std::vector<std::string>;

TEST(TableFiles, AreAFileAFolderOrAPattern) {
  const Place place;
  for (const char* name : {"in/b.csv", "in/a/z.csv", "in/a.csv.gz", "in/_SUCCESS", "in/.part.crc",
                           "in/_temporary/0/t.csv", "other.csv", "odd[1].csv"})
    place.write(name, "x");
  place.write("in/empty.csv", "");
  EXPECT_EQ(names_of(place / "in"), (Names{"a/z.csv", "a.csv.gz", "b.csv"}));
  EXPECT_EQ(names_of(place / "in/*.csv"), (Names{"b.csv", "empty.csv"}));  // asked for by its name
  EXPECT_EQ(names_of(place / "*n"), (Names{"in/a/z.csv", "in/a.csv.gz", "in/b.csv"}));
  EXPECT_EQ(names_of(place / "o[st]her.csv"), (Names{"other.csv"}));
  EXPECT_EQ(table_files(place / "odd[1].csv")[0].path, place / "odd[1].csv");  // a file of that very name
  EXPECT_EQ(table_files("-")[0].path, "-");
  EXPECT_EQ(table_files(place / "none.csv")[0].path, place / "none.csv");  // told where it is opened
}

TEST(TableFiles, WhatIsNoTableIsRefused) {
  const Place place;
  place.write("in/a.csv", "x");
  place.write("in/README.md", "x");
  EXPECT_CONTAINS(testing::data_error([&] { table_files(place / "in"); }), "no tables by their names");
  EXPECT_CONTAINS(testing::data_error([&] { table_files(place / "in"); }), "README.md; say which ones");
  place.write("two/a.csv", "x");
  place.write("two/b.parquet", "x");
  EXPECT_CONTAINS(testing::data_error([&] { table_files(place / "two"); }),
                  "two forms, such as a.csv and b.p");
  EXPECT_CONTAINS(testing::data_error([&] { table_files(place / "x*.csv"); }), "no file has such a name");
  fs::create_directories(place / "none");
  EXPECT_CONTAINS(testing::data_error([&] { table_files(place / "none"); }), "holds no files");
  place.write("void/a.csv", "");
  EXPECT_CONTAINS(testing::data_error([&] { table_files(place / "void"); }), "all of its files are empty");
  place.write("uneven/year=1/a.csv", "x");
  place.write("uneven/b.csv", "x");
  EXPECT_CONTAINS(testing::data_error([&] { table_files(place / "uneven"); }),
                  "do not name the same columns");
}

TEST(TableFiles, FoldersNameColumnsAsHiveWritesThem) {
  const Place place;
  place.write("t/year=2023/kind=a%3Ab/p.csv", "x");
  place.write("t/year=2024/kind=__HIVE_DEFAULT_PARTITION__/p.csv", "x");
  const auto files = table_files(place / "t");
  using Columns = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(files[0].folder_columns, (Columns{{"year", "2023"}, {"kind", "a:b"}}));
  EXPECT_EQ(files[1].folder_columns, (Columns{{"year", "2024"}, {"kind", ""}}));
  // Of a pattern what stands behind its fixed folders.
  EXPECT_EQ(table_files(place / "t/year=2023/kind=*")[0].folder_columns, (Columns{{"kind", "a:b"}}));
}

TEST(TableFiles, TheHashIsOfWhatTheRowsAre) {
  const Place place;
  for (const char* name : {"t/year=1/a.csv", "other/year=1/b.csv", "later/year=2/a.csv"})
    place.write(name, "x\n1\n");
  place.write("one/a.csv", "x\n1\n");
  const auto hash = [&](const char* name) { return hash_table_files(place / name); };
  EXPECT_EQ(hash("t"), hash("other"));
  EXPECT_NE(hash("t"), hash("later"));
  EXPECT_EQ(hash("one"), hash("one/a.csv"));  // as before there were folders
}

TEST(JoinedColumns, AreThoseOfOneFile) {
  const Place place;
  place.write("one.csv", "a,w,b\n1,x,2\n3,,4\n5,z,6\n7,q,8\n");
  place.write("t/1.csv", "a,w,b\n1,x,2\n3,,4\n");
  place.write("t/2.csv", "b,a,w\n");  // no rows
  place.write("t/3.csv", "w;b;a\nz;6;5\n");
  place.write("t/4.csv", "b,a,w\n8,7,q\n");
  const WantedColumns wanted{.numeric = {"a", "b"}, .categorical = {"w"}, .key = ""};
  ColumnPiece whole;
  open_columns(place / "one.csv", wanted)->next(whole, 100);
  for (const std::int64_t most : {1, 2, 3, 100})
    for (const std::int64_t passed : {0, 1, 2, 3, 4}) {
      const auto stream = open_columns(place / "t", wanted);
      EXPECT_EQ(stream->skip(passed), passed);
      ColumnPiece piece;
      std::int64_t row = passed;
      while (stream->next(piece, most))
        for (std::int64_t r = 0; r < piece.rows(); ++r, ++row) {
          EXPECT_EQ(piece.number(r), row);
          EXPECT_TRUE(torch::equal(piece.numeric[r], whole.numeric[row]));
          EXPECT_EQ(piece.categorical[0][static_cast<std::size_t>(r)],
                    whole.categorical[0][static_cast<std::size_t>(row)]);
        }
      EXPECT_EQ(row, 4);
    }
}

TEST(JoinedColumns, FoldersGiveColumnsInTheirPlaces) {
  const Place place;
  place.write("t/year=2023/w=a/p.csv", "x,y\n1,10\noops,20\n");
  place.write("t/year=2024/w=__HIVE_DEFAULT_PARTITION__/p.csv", "x,y\n3,30\n");
  EXPECT_EQ(columns_of_file(place / "t", {}).names, (Names{"x", "y", "year", "w"}));
  const auto stream =
      open_columns(place / "t", {.numeric = {"y", "year", "x"}, .categorical = {"x", "w"}, .key = "y"});
  ColumnPiece piece;
  ASSERT_TRUE(stream->next(piece, 100));
  EXPECT_TRUE(torch::equal(piece.numeric[0], torch::tensor({10.0, 2023.0, 1.0}, at::kDouble)));
  EXPECT_EQ(piece.categorical[1], (Names{"a", "a"}));
  EXPECT_EQ(piece.keys, (Names{"10", "20"}));
  ASSERT_EQ(piece.problems.size(), 1U);
  EXPECT_EQ(piece.problems[0].column, 2);
  EXPECT_EQ(piece.problems[0].text,
            "year=2023/w=a/p.csv, row 2 (line 3), column 'x': expected a number, got 'oops'");
  ASSERT_TRUE(stream->next(piece, 100));
  EXPECT_EQ(piece.number(0), 2);
  EXPECT_EQ(piece.categorical[1], (Names{""}));
  EXPECT_FALSE(stream->next(piece, 100));
  EXPECT_CONTAINS(testing::data_error([&] {
                    ColumnPiece one;
                    open_columns(place / "t", {.numeric = {"w"}, .categorical = {}, .key = ""})->next(one, 1);
                  }),
                  "its folder says w=a, expected a number");
}

TEST(JoinedColumns, FilesThatDifferInTheirColumnsAreNamed) {
  const Place place;
  place.write("t/1.csv", "a,b\n1,2\n");
  place.write("t/2.csv", "b,a\n1,2\n");
  place.write("t/3.csv", "a,c\n1,2\n");
  const auto text = testing::data_error([&] { columns_of_file(place / "t", {}); });
  EXPECT_CONTAINS(text, "3.csv has 'c', which 1.csv has not");
  EXPECT_CONTAINS(text, "3.csv lacks 'b', which 1.csv has");
  EXPECT_EQ(text.find("2.csv"), std::string::npos);
  place.write("double/a=1/1.csv", "a,b\n1,2\n");
  EXPECT_CONTAINS(testing::data_error([&] { columns_of_file(place / "double", {}); }),
                  "'a' is a column of the file and of its folder's name");
}

TEST(JoinedColumns, ATableOfThemNumbersItsRowsThrough) {
  const Place place;
  place.write("t/1.csv", "a,y\n1,no\n2,\n");
  place.write("t/2.csv", "a,y\n3,yes\n4,no\n");
  TableConfig config;
  config.train_file = (place / "t").string();
  config.targets = {"y"};
  config.missing.target = "drop";
  const auto table = read_table(config, TargetKind::classes, at::kFloat);
  ASSERT_EQ(table.rows(), 3);
  EXPECT_EQ(table.file_row(0), 0);
  EXPECT_EQ(table.file_row(1), 2);
  EXPECT_EQ(table.file_row(2), 3);
  config.missing.target = "error";
  EXPECT_CONTAINS(testing::data_error([&] { read_table(config, TargetKind::classes, at::kFloat); }),
                  "1.csv, row 2 (line 3)");
}

}  // namespace
}  // namespace ringtrain
