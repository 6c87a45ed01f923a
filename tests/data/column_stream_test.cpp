#include "data/column_stream.h"

#include <gtest/gtest.h>
#include <torch/types.h>

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

TEST(ColumnStream, ReadsTheNamedColumnsInTheAskedOrder) {
  const TemporaryFolder folder;
  std::vector<RowProblem> problems;
  const Table table = read_columns(folder.write("p.csv", content), {"a", "b"}, {"w"}, problems);
  ASSERT_EQ(table.rows(), 5);
  EXPECT_EQ(table.numeric.scalar_type(), at::kFloat);
  EXPECT_TRUE(torch::equal(table.numeric[0], torch::tensor({1.0f, 10.0f})));
  EXPECT_TRUE(
      torch::equal(torch::isnan(table.numeric),
                   torch::tensor({0, 0, 0, 1, 1, 1, 0, 1, 0, 1}, at::kLong).to(at::kBool).reshape({5, 2})));
  EXPECT_EQ(table.categorical, (std::vector<std::vector<std::string>>{{"x", "y", "", "", "u,v"}}));
  ASSERT_EQ(problems.size(), 3u);
  EXPECT_EQ(problems[0].row, 1);
  EXPECT_EQ(problems[0].text, "row 2 (line 3), column 'b': expected a number, got 'oops'");
  EXPECT_EQ(problems[1].row, 2);
  EXPECT_EQ(problems[1].text, "row 3 (line 4) has 2 fields, but the header has 4");
  EXPECT_EQ(problems[2].row, 4);
  EXPECT_EQ(problems[2].text, "row 5 (line 6), column 'b': expected a finite number, got 'inf'");
}

TEST(ColumnStream, PiecesJoinToTheWhole) {
  const TemporaryFolder folder;
  const auto file = folder.write("p.csv", content);
  std::vector<RowProblem> problems;
  const Table whole = read_columns(file, {"a", "b"}, {"w"}, problems);
  for (std::int64_t size : {1, 2, 3, 5, 100}) {
    ColumnStream stream(file, {"a", "b"}, {"w"});
    Table piece;
    std::vector<RowProblem> some;
    std::vector<at::Tensor> numbers;
    std::vector<std::string> words, texts;
    std::int64_t before = 0;
    while (stream.next(piece, some, size)) {
      EXPECT_LE(piece.rows(), size);
      numbers.push_back(piece.numeric);
      words.insert(words.end(), piece.categorical[0].begin(), piece.categorical[0].end());
      for (const auto& problem : some) {
        EXPECT_EQ(before + problem.row, problems[texts.size()].row);
        texts.push_back(problem.text);
      }
      before += piece.rows();
    }
    EXPECT_TRUE(torch::allclose(torch::cat(numbers), whole.numeric, 0, 0, /*equal_nan=*/true)) << size;
    EXPECT_EQ(words, whole.categorical[0]);
    ASSERT_EQ(texts.size(), problems.size());
    for (std::size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(texts[i], problems[i].text);
  }
}

TEST(ColumnStream, NamesAllMissingColumns) {
  const TemporaryFolder folder;
  const auto file = folder.write("p.csv", content);
  EXPECT_CONTAINS(testing::data_error([&] {
                    ColumnStream(file, {"a", "V1", "b"}, {"Shop"});
                  }),
                  "lacks columns 'V1', 'Shop' that the model takes; it has: id, b, w, a");
}

TEST(ColumnStream, AFileWithoutRowsHasNone) {
  const TemporaryFolder folder;
  ColumnStream stream(folder.write("e.csv", "a,b\n"), {"a"}, {});
  Table piece;
  std::vector<RowProblem> problems;
  EXPECT_FALSE(stream.next(piece, problems, 10));
  EXPECT_EQ(piece.numeric.sizes(), (std::vector<std::int64_t>{0, 1}));
}

}  // namespace
}  // namespace ringtrain
