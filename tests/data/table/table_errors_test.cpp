#include <gtest/gtest.h>
#include <torch/types.h>

#include "data/table/table.h"
#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using testing::config_for;
using testing::data_error;

class TableErrors : public ::testing::Test {
 protected:
  std::string error_of(const std::string& content, const std::function<void(TableConfig&)>& change = {},
                       TargetKind kind = TargetKind::classes, at::ScalarType dtype = at::kDouble) {
    auto config = config_for(folder_.write("train.csv", content), "Class");
    if (change) change(config);
    return data_error([&] { read_table(config, kind, dtype); });
  }
  testing::TemporaryFolder folder_;
};

TEST_F(TableErrors, NamesTheRowOfAWrongType) {
  std::string content = "Time,V7,Class\n";
  for (int row = 1; row <= 40000; ++row)
    content += row == 31337 ? "1,abc,0\n" : "1,0.5," + std::to_string(row % 2) + "\n";
  const std::string text = error_of(content);
  EXPECT_CONTAINS(text,
                  "train.csv: row 31,337 (line 31,338), column 'V7': expected a number, got 'abc'. Mend the "
                  "file, or list the column "
                  "under data.features.categorical or data.features.ignore");
}

TEST_F(TableErrors, NamesTheFirstOfSeveral) {
  EXPECT_CONTAINS(error_of("a,b,Class\n1,2,0\n1,x,1\ny,2,0\n"),
                  "row 2 (line 3), column 'b': expected a number, got 'x'");
}

TEST_F(TableErrors, CountsRowsRightlyAfterLineBreaksAndEmptyLines) {
  EXPECT_CONTAINS(error_of("a,b,Class\n1,2,\"0\n0\"\n\n1,x,1\n"), "row 2 (line 5), column 'b'");
}

TEST_F(TableErrors, NamesARowWithAWrongNumberOfFields) {
  EXPECT_CONTAINS(error_of("a,b,Class\n1,2,0\n1,2\n"), "row 2 (line 3) has 2 fields, but the header has 3");
  EXPECT_CONTAINS(error_of("a,b,Class\n1,2,0,7\n1,2,1\n"),
                  "row 1 (line 2) has 4 fields, but the header has 3");
}

TEST_F(TableErrors, NamesMissingNumbersHoweverWritten) {
  for (const char* missing : {"", "nan", "NaN", "NAN", "NA", "null", "\"\"", "-nan"})
    EXPECT_CONTAINS(
        error_of(std::string("a,b,Class\n1,2,0\n1,") + missing + ",1\n"),
        "row 2 (line 3), column 'b': the value is missing. Fill it in, or set data.missing.numeric: mean");
}

/// The block that is proposed sees no more columns than the one that was given.
TEST_F(TableErrors, WhatIsProposedKeepsTheColumnsThatAreNumbers) {
  const auto some = [](TableConfig& c) { c.features.numeric = {"a", "b"}; };
  EXPECT_CONTAINS(error_of("a,b,later,Class\n1,2,3,0\n1,,3,1\n", some), "features: {numeric: [a, b]}");
  EXPECT_EQ(error_of("a,b,Class\n1,2,0\n1,,1\n").find("numeric: ["), std::string::npos);
}

TEST_F(TableErrors, NamesMissingWords) {
  const auto words = [](TableConfig& c) { c.features.categorical = {"w"}; };
  EXPECT_CONTAINS(error_of("a,w,Class\n1,x,0\n1,,1\n", words),
                  "row 2 (line 3), column 'w': the value is missing. Fill it in, or set "
                  "data.missing.categorical: category");
}

TEST_F(TableErrors, RefusesInfinity) {
  for (const char* infinite : {"inf", "-inf", "Infinity"})
    EXPECT_CONTAINS(error_of(std::string("a,Class\n1,0\n") + infinite + ",1\n",
                             [](TableConfig& c) { c.missing.numeric = "mean"; }),
                    "row 2 (line 3), column 'a': expected a finite number");
  EXPECT_CONTAINS(error_of("a,Class\n1,0\n1e39,1\n", {}, TargetKind::classes, at::kFloat),
                  "column 'a': expected a finite number that float32 can hold, got '1e+39'");
}

TEST_F(TableErrors, RefusesAMissingOrWrongTarget) {
  EXPECT_CONTAINS(error_of("a,Class\n1,0\n1,\n"),
                  "row 2 (line 3), column 'Class': the target is missing. Fill it in, or remove the row");
  EXPECT_CONTAINS(error_of("a,Class\n1,0\n1,\n", {}, TargetKind::number),
                  "row 2 (line 3), column 'Class': the target is missing");
  EXPECT_CONTAINS(error_of("a,Class\n1,0\n1,nan\n", {}, TargetKind::number),
                  "row 2 (line 3), column 'Class': the target is missing");
  EXPECT_CONTAINS(error_of("a,Class\n1,0\n1,high\n", {}, TargetKind::number),
                  "column 'Class': expected a number as target of a regression, got 'high'");
  EXPECT_CONTAINS(error_of("a,Class\n1,0\n1,inf\n", {}, TargetKind::number),
                  "column 'Class': expected a finite number");
}

TEST_F(TableErrors, NamesAColumnThatIsNotThere) {
  constexpr auto content = "Time,Amount,Class\n1,2,0\n";
  EXPECT_CONTAINS(error_of(content, [](TableConfig& c) { c.targets = {"Clas"}; }),
                  "train.csv has no column 'Clas' (data.target). Did you mean 'Class'?");
  EXPECT_CONTAINS(error_of(content,
                           [](TableConfig& c) {
                             c.features.numeric = {"Time", "Amont"};
                           }),
                  "has no column 'Amont' (data.features.numeric). Did you mean 'Amount'?");
  EXPECT_CONTAINS(error_of(content, [](TableConfig& c) { c.features.numeric = {"V*"}; }),
                  "has no column 'V*' (data.features.numeric).");
  EXPECT_CONTAINS(error_of(content, [](TableConfig& c) { c.features.categorical = {"Shop"}; }),
                  "(data.features.categorical)");
  EXPECT_CONTAINS(
      error_of(content, [](TableConfig& c) { c.features.encodings.hash = {"Amount"}; }),
      "data.features.encodings.hash: no categorical column is called 'Amount'. There is none; list it "
      "under data.features.categorical, too");
  const auto both = [](TableConfig& c) {
    c.features.categorical = {"Amount"};
    c.features.encodings = {.one_hot = {"Tim*"}, .embedding = {"*"}, .hash = {"Amount"}};
  };
  EXPECT_CONTAINS(error_of(content, both),
                  "data.features.encodings.one_hot: no categorical column is called 'Tim*'");
  EXPECT_CONTAINS(error_of(content, both),
                  "data.features.encodings: 'Amount' is matched by the lists embedding and hash");
  EXPECT_CONTAINS(error_of(content, [](TableConfig& c) { c.features.ignore = {"Tme"}; }),
                  "(data.features.ignore). Did you mean 'Time'?");
  EXPECT_CONTAINS(error_of(content, [](TableConfig& c) { c.features.ignore = {"*"}; }),
                  "no column is left as a feature");
}

TEST_F(TableErrors, RefusesADoubleColumn) {
  EXPECT_CONTAINS(error_of("a,a,Class\n1,2,0\n"), "names that occur more than once: 'a' (columns 1, 2)");
}

TEST_F(TableErrors, RefusesEmptyFiles) {
  EXPECT_CONTAINS(error_of(""), "train.csv is empty; a CSV file with a header line is expected");
  EXPECT_CONTAINS(error_of("a,Class\n"), "train.csv has columns but no rows");
  EXPECT_CONTAINS(error_of("a,Class"), "train.csv has columns but no rows");
}

TEST_F(TableErrors, SaysWhatMakesAMissingFile) {
  const auto error = [&](const std::filesystem::path& file) {
    return data_error([&] { read_table(config_for(file, "Class"), TargetKind::classes, at::kFloat); });
  };
  const auto fraud = folder_.path() / "fraud.csv";
  EXPECT_CONTAINS(
      error(fraud),
      fraud.string() +
          ": there is no such file. Make synthetic data with: ringtrain generate fraud --output " +
          fraud.string());
  EXPECT_CONTAINS(error(folder_.path() / "mnist_5k.csv.gz"), "tools/fetch_datasets.sh");
  EXPECT_CONTAINS(error(folder_.path() / "other.csv"), "there is no such file. Check data.train_file");
  EXPECT_CONTAINS(error(folder_.path()), "holds no files");
}

TEST_F(TableErrors, RefusesTooManyClasses) {
  std::string content = "a,Class\n";
  for (int row = 0; row < 1001; ++row) content += "1," + std::to_string(row) + ".25\n";
  const std::string text = error_of(content);
  EXPECT_CONTAINS(text, "column 'Class' (data.target) has 1,001 distinct values");
  EXPECT_CONTAINS(text, "task.type: regression");
}

TEST_F(TableErrors, RefusesTextThatIsNotUtf8) {
  const auto words = [](TableConfig& c) {
    c.features.categorical = {"w"};
    c.csv.encoding = "utf-8";
  };
  EXPECT_CONTAINS(error_of("a,w,Class\n1,caf\xE9,0\n1,b,1\n", words),
                  "row 1 (line 2), column 'w': the byte 0xE9 is not UTF-8");
}

TEST_F(TableErrors, RefusesADamagedGzipFile) {
  const auto file = folder_.write("broken.csv.gz", "this is no gzip");
  EXPECT_CONTAINS(data_error([&] { read_table(config_for(file, "Class"), TargetKind::classes, at::kFloat); }),
                  "broken.csv.gz");
}

}  // namespace
}  // namespace ringtrain
