#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "data/table/column_stream.h"
#include "tests/data/parquet_writer.h"
#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using testing::doubles;
using testing::TemporaryFolder;
using testing::words;
using testing::write_parquet;

/// Seven rows in groups of three: w, a (one missing, one infinite), id.
std::filesystem::path write(const TemporaryFolder& folder) {
  arrow::Int64Builder ids;
  for (int i = 0; i < 7; ++i) EXPECT_TRUE(ids.Append(10 + i).ok());
  const auto table =
      arrow::Table::Make(arrow::schema({arrow::field("w", arrow::utf8()), arrow::field("a", arrow::float64()),
                                        arrow::field("id", arrow::int64())}),
                         {words({"x", "y", "", "x", "NA", "z", "y"}),
                          doubles({0, 1, 2, 3, INFINITY, 5, 6}, {true, false, true, true, true, true, true}),
                          ids.Finish().ValueOrDie()});
  return write_parquet(folder.path() / "t.parquet", *table, 3);
}

TEST(ParquetColumns, ReadsTheNamedColumnsAndPassesOverRows) {
  const TemporaryFolder folder;
  const auto file = write(folder);
  for (const std::int64_t size : {1, 2, 3, 4, 7, 100}) {
    for (std::int64_t skipped = 0; skipped <= 7; ++skipped) {
      const auto stream = open_parquet_columns(file, {{"id", "a"}, {"w"}, "id"});
      EXPECT_EQ(stream->skip(skipped), skipped);
      std::int64_t row = skipped;
      for (ColumnPiece piece; stream->next(piece, size);) {
        EXPECT_LE(piece.rows(), size);
        for (std::int64_t r = 0; r < piece.rows(); ++r, ++row) {
          const auto i = static_cast<std::size_t>(r);
          EXPECT_EQ(piece.numeric[r][0].item<float>(), static_cast<float>(10 + row));
          const auto a = piece.numeric[r][1].item<float>();
          const bool missing = row == 1 || row == 4;
          EXPECT_EQ(std::isnan(a), missing);
          if (!missing) {
            EXPECT_EQ(a, static_cast<float>(row));
          }
          EXPECT_EQ(piece.keys[i], std::to_string(10 + row));
          EXPECT_EQ(piece.categorical[0][i], (std::vector<std::string>{"x", "y", "", "x", "", "z",
                                                                       "y"})[static_cast<std::size_t>(row)]);
        }
        for (const auto& problem : piece.problems)
          EXPECT_EQ(problem.text, "row 5, column 'a': expected a finite number, got 'inf'");
      }
      EXPECT_EQ(row, 7) << "pieces of " << size << " after " << skipped;
      EXPECT_EQ(stream->skip(5), 0);
    }
  }
}

TEST(ParquetColumns, NamesWhatIsWrong) {
  const TemporaryFolder folder;
  const auto file = write(folder);
  EXPECT_CONTAINS(testing::data_error([&] {
                    open_parquet_columns(file, {{"a", "b"}, {}, ""});
                  }),
                  "lacks the column 'b' that the model takes; it has: w, a, id");
  EXPECT_CONTAINS(testing::data_error([&] {
                    open_parquet_columns(folder.write("no.parquet", "PAR1"), {{"a"}, {}, ""});
                  }),
                  "no.parquet failed");
}

}  // namespace
}  // namespace ringtrain
