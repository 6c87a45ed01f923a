#include "launch/learn/stream_row.h"

#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <utility>

namespace ringtrain {
namespace {

Preprocessing schema_of_rows() {
  Preprocessing schema;
  schema.numeric = {{.name = "x"}, {.name = "filled", .fill = 1.0}};
  schema.categorical = {{.name = "city", .vocabulary = {"Bonn", "Rome"}}};
  schema.targets = {"label"};
  schema.labels = {"no", "yes"};
  return schema;
}

StreamRecord record(std::initializer_list<std::pair<const char*, StreamValue>> fields) {
  StreamRecord made;
  std::vector<std::string> names;
  for (const auto& [name, value] : fields) {
    names.emplace_back(name);
    made.values.push_back(value);
  }
  made.names = std::make_shared<const std::vector<std::string>>(names);
  return made;
}

using Text = std::string;

class RowReaderTest : public testing::Test {
 protected:
  RowReader::Outcome read(const StreamRecord& one, RowColumns columns = {.target = TargetKind::classes}) {
    RowReader reader(schema_, std::move(columns));
    return reader.read(one, row_, why_);
  }
  Preprocessing schema_ = schema_of_rows();
  StreamRow row_;
  std::string why_;
};

TEST_F(RowReaderTest, ReadsValuesAsFilesAndJsonHaveThem) {
  ASSERT_EQ(
      read(record({{"city", Text(" Rome ")}, {"x", Text("2.50")}, {"filled", {}}, {"label", Text("yes")}})),
      RowReader::Outcome::row);
  EXPECT_EQ(row_.numbers[0], 2.5);
  EXPECT_TRUE(std::isnan(row_.numbers[1]));
  EXPECT_EQ(row_.words, std::vector<std::string>{"Rome"});
  EXPECT_EQ(row_.targets, std::vector<double>{1});
  ASSERT_EQ(
      read(record({{"x", std::int64_t{3}}, {"filled", 0.5}, {"city", Text("Bonn")}, {"label", Text("no")}})),
      RowReader::Outcome::row);
  EXPECT_EQ(row_.numbers, (std::vector<double>{3, 0.5}));
}

TEST_F(RowReaderTest, SaysAllThatIsWrong) {
  ASSERT_EQ(
      read(record(
          {{"x", Text("oops")}, {"filled", Text("inf")}, {"city", Text("")}, {"label", Text("maybe")}})),
      RowReader::Outcome::refused);
  for (const char* part :
       {"column 'x': expected a number, got 'oops'", "column 'filled'", "column 'city': it has no value",
        "the class 'maybe' is not one of the model's: no, yes"})
    EXPECT_NE(why_.find(part), std::string::npos) << part << " in " << why_;
  ASSERT_EQ(read(record({{"label", Text("no")}})), RowReader::Outcome::refused);
  EXPECT_NE(why_.find("column 'x': it is not there"), std::string::npos) << why_;
}

TEST_F(RowReaderTest, PassesOverRowsWithoutTruthWhereTheyMayLackIt) {
  const auto one = record({{"x", 1.0}, {"filled", 1.0}, {"city", Text("Bonn")}, {"label", {}}});
  EXPECT_EQ(read(one), RowReader::Outcome::without_truth);
  EXPECT_EQ(read(one, {.target = TargetKind::classes, .may_lack_truth = false}), RowReader::Outcome::refused);
}

TEST_F(RowReaderTest, KnowsWhomARowIsFromAndWhen) {
  const RowColumns columns{.target = TargetKind::classes, .key = "user", .time = "at"};
  const auto of = [](const char* user, const char* at) {
    return record({{"x", 1.0},
                   {"filled", 1.0},
                   {"city", Text("Bonn")},
                   {"label", Text("no")},
                   {"user", Text(user)},
                   {"at", Text(at)}});
  };
  ASSERT_EQ(read(of("ann", "1970-01-03 12:00"), columns), RowReader::Outcome::row);
  EXPECT_EQ(row_.time, 2.5);
  const auto ann = row_.key;
  ASSERT_EQ(read(of("bob", "7"), columns), RowReader::Outcome::row);
  EXPECT_EQ(row_.time, 7);
  EXPECT_NE(row_.key, ann);
  EXPECT_EQ(read(of("", "soon"), columns), RowReader::Outcome::refused);
  EXPECT_NE(why_.find("'user'"), std::string::npos);
  EXPECT_NE(why_.find("'at'"), std::string::npos);
}

TEST_F(RowReaderTest, WithoutAKeyEqualRowsAreFromOne) {
  const auto of = [](double x) {
    return record({{"x", x}, {"filled", {}}, {"city", Text("Bonn")}, {"label", Text("no")}});
  };
  read(of(1));
  const auto first = row_.key;
  read(of(2));
  EXPECT_NE(row_.key, first);
  read(of(1));
  EXPECT_EQ(row_.key, first);
}

TEST(StreamRow, IsReadAgainWithTheSameBits) {
  const StreamRow row{.position = {"a.csv", 0, 12},
                      .numbers = {0.1 + 0.2, NAN, -0.0},
                      .words = {"ü"},
                      .targets = {1.0 / 3},
                      .weight = 0.7,
                      .time = 3.25,
                      .key = ~std::uint64_t{0}};
  const auto again = StreamRow::from_json(nlohmann::ordered_json::parse(row.to_json().dump()));
  EXPECT_EQ(again.position, row.position);
  EXPECT_EQ(again.numbers[0], row.numbers[0]);
  EXPECT_TRUE(std::isnan(again.numbers[1]));
  EXPECT_TRUE(std::signbit(again.numbers[2]));
  EXPECT_EQ(again.words, row.words);
  EXPECT_EQ(again.targets, row.targets);
  EXPECT_EQ(again.key, row.key);
}

}  // namespace
}  // namespace ringtrain
