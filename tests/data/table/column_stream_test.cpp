#include "data/table/column_stream.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using testing::TemporaryFolder;

constexpr auto content =
    "id,b,w,a\n"
    "1,10,x,1\n"
    "2,oops,y,2\n"
    "3,30\n"
    "4,,NA,4\n"
    "5,inf,\"u,v\",5\n";

const WantedColumns kWanted{.numeric = {"a", "b"}, .categorical = {"w"}, .key = "id"};

ColumnPiece all_of(ColumnStream& stream) {
  ColumnPiece piece;
  stream.next(piece, 1'000'000);
  return piece;
}

TEST(CsvColumns, ReadsTheNamedColumnsInTheAskedOrder) {
  const TemporaryFolder folder;
  const auto table = all_of(*open_csv_columns(folder.write("p.csv", content), kWanted));
  ASSERT_EQ(table.rows(), 5);
  EXPECT_EQ(table.numeric.scalar_type(), at::kDouble);
  EXPECT_TRUE(torch::equal(table.numeric[0], torch::tensor({1.0, 10.0}, at::kDouble)));
  EXPECT_TRUE(
      torch::equal(torch::isnan(table.numeric),
                   torch::tensor({0, 0, 0, 1, 1, 1, 0, 1, 0, 1}, at::kLong).to(at::kBool).reshape({5, 2})));
  EXPECT_EQ(table.categorical, (std::vector<std::vector<std::string>>{{"x", "y", "", "", "u,v"}}));
  EXPECT_EQ(table.keys, (std::vector<std::string>{"1", "2", "", "4", "5"}));
  const auto& problems = table.problems;
  ASSERT_EQ(problems.size(), 3u);
  EXPECT_EQ(problems[0].row, 1);
  EXPECT_EQ(problems[0].text, "row 2 (line 3), column 'b': expected a number, got 'oops'");
  EXPECT_EQ(problems[1].row, 2);
  EXPECT_EQ(problems[1].text, "row 3 (line 4) has 2 fields, but the header has 4");
  EXPECT_EQ(problems[2].row, 4);
  EXPECT_EQ(problems[2].text, "row 5 (line 6), column 'b': expected a finite number, got 'inf'");
}

TEST(CsvColumns, PiecesJoinToTheWholeAndSkippedRowsAreThoseOfNext) {
  const TemporaryFolder folder;
  const auto file = folder.write("p.csv", content);
  const auto whole = all_of(*open_csv_columns(file, kWanted));
  for (const std::int64_t size : {1, 2, 3, 5, 100}) {
    for (const bool every_second : {false, true}) {
      const auto stream = open_csv_columns(file, kWanted);
      ColumnPiece piece;
      std::int64_t before = 0, problems = 0;
      for (bool skipped = every_second;; skipped = every_second && !skipped) {
        const bool skip_now = every_second && skipped;
        const auto rows = skip_now ? stream->skip(size) : stream->next(piece, size) ? piece.rows() : 0;
        if (rows == 0) break;
        EXPECT_LE(rows, size);
        if (!skip_now) {
          EXPECT_TRUE(torch::allclose(piece.numeric, whole.numeric.narrow(0, before, rows), 0, 0, true));
          for (std::int64_t r = 0; r < rows; ++r)
            EXPECT_EQ(piece.categorical[0][r], whole.categorical[0][static_cast<std::size_t>(before + r)]);
          for (const auto& problem : piece.problems) {
            ++problems;
            EXPECT_TRUE(std::any_of(whole.problems.begin(), whole.problems.end(), [&](const auto& one) {
              return one.row == before + problem.row && one.text == problem.text;
            })) << problem.text;
          }
        }
        before += rows;
      }
      EXPECT_EQ(before, 5);
      if (!every_second) {
        EXPECT_EQ(problems, 3);
      }
    }
  }
}

TEST(CsvColumns, NamesAllMissingColumns) {
  const TemporaryFolder folder;
  const auto file = folder.write("p.csv", content);
  EXPECT_CONTAINS(testing::data_error([&] {
                    open_csv_columns(file, {{"a", "V1", "b"}, {"Shop"}, ""});
                  }),
                  "lacks columns 'V1', 'Shop' that the model takes; it has: id, b, w, a");
  EXPECT_CONTAINS(testing::data_error([&] {
                    open_csv_columns(file, {{"a"}, {}, "number"});
                  }),
                  "lacks the column 'number' (--key)");
}

TEST(CsvColumns, AFileWithoutRowsHasNone) {
  const TemporaryFolder folder;
  const auto stream = open_csv_columns(folder.write("e.csv", "a,b\n"), {{"a"}, {}, ""});
  ColumnPiece piece;
  EXPECT_FALSE(stream->next(piece, 10));
  EXPECT_EQ(piece.numeric.sizes(), (std::vector<std::int64_t>{0, 1}));
}

}  // namespace
}  // namespace ringtrain
