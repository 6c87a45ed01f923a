#include "launch/learn/record_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/errors.h"

namespace ringtrain {
namespace {

std::string shown(const StreamRecord& record) {
  std::string text = std::to_string(record.position.offset) + ":";
  if (!record.problem.empty()) return text + "bad";
  for (const auto& value : record.values) {
    if (const auto* word = std::get_if<std::string>(&value)) text += *word + "|";
    if (const auto* number = std::get_if<double>(&value)) text += std::to_string(*number) + "|";
    if (const auto* number = std::get_if<std::uint64_t>(&value)) text += std::to_string(*number) + "|";
    if (std::holds_alternative<std::monostate>(value)) text += "nothing|";
  }
  return text;
}

/// The records of a text that comes `step` bytes at a time.
std::vector<std::string> read(const std::string& text, std::size_t step, std::int64_t from = -1) {
  RecordReader reader("a", RecordReader::Form::unknown, {});
  if (from >= 0) reader.jump(from);
  std::vector<std::string> records;
  StreamRecord record;
  const auto take = [&] {
    while (reader.next(record)) records.push_back(shown(record));
  };
  for (std::size_t at = 0; at < text.size(); at += step) {
    reader.feed(std::string_view(text).substr(at, step), static_cast<std::int64_t>(at));
    take();
  }
  reader.finish();
  take();
  return records;
}

using Records = std::vector<std::string>;

TEST(RecordReader, GivesTheSameRecordsHoweverTheBytesCome) {
  const std::string text = "x,y\n1,a\n2,\"b\nc\"\n\n3,\"d\"\"e\"\n4\n5,f";
  const Records expected{"4:1|a|", "8:2|b\nc|", "17:3|d\"e|", "27:bad", "29:5|f|"};
  for (const std::size_t step : {1, 2, 5, 7, 100}) {
    auto found = read(text, step);
    // The blank line may be told as a part of the record behind it.
    ASSERT_EQ(found.size(), expected.size()) << step;
    EXPECT_EQ(found[0], expected[0]);
    EXPECT_EQ(found[1], expected[1]);
    EXPECT_EQ(found[3].substr(found[3].find(':')), ":bad");
    EXPECT_EQ(found[4].substr(found[4].find(':')), ":5|f|");
  }
}

TEST(RecordReader, GivesTheSameRecordsAroundAQuoteThatEnclosesNothing) {
  const std::string text = "x,y\n1,5\" pipe\n2,\"b\nc\"\"d\"\n3,e\n";
  const Records expected{"4:1|5\" pipe|", "14:2|b\nc\"d|", "25:3|e|"};
  for (const std::size_t step : {1, 2, 5, 7, 20, 100}) EXPECT_EQ(read(text, step), expected) << step;
}

TEST(RecordReader, WaitsForARowBeforeItTakesTheHeaderApart) {
  RecordReader reader("a", RecordReader::Form::csv, {});
  StreamRecord record;
  reader.feed("x;y\n", 0);
  EXPECT_FALSE(reader.next(record));
  reader.feed("1;2,5\n", 4);
  ASSERT_TRUE(reader.next(record));
  EXPECT_TRUE(record.decimal_comma);
}

TEST(RecordReader, GoesOnAtAnOffset) {
  const std::string text = "x,y\n1,a\n2,b\n3,c\n";
  for (const std::size_t step : {1, 6, 100}) {
    EXPECT_EQ(read(text, step, 8), (Records{"8:2|b|", "12:3|c|"})) << step;
    EXPECT_EQ(read(text, step, 0), (Records{"4:1|a|", "8:2|b|", "12:3|c|"})) << step;
    EXPECT_EQ(read(text, step, 16), Records{}) << step;
  }
}

TEST(RecordReader, WaitsForTheEndOfALine) {
  RecordReader reader("a", RecordReader::Form::csv, {});
  StreamRecord record;
  reader.feed("x,y\n1,a\n2,", 0);
  ASSERT_TRUE(reader.next(record));
  EXPECT_FALSE(reader.next(record));
  EXPECT_EQ(reader.offset(), 8);
  reader.feed("b\n", 10);
  ASSERT_TRUE(reader.next(record));
  EXPECT_EQ(shown(record), "8:2|b|");
}

TEST(RecordReader, ReadsJsonLines) {
  const std::string text = "{\"x\": 1, \"y\": null}\n\n[1]\n{\"y\": \"b\", \"x\": 2.5}\n{\"x\": [1]}\nno\n";
  for (const std::size_t step : {1, 9, 100})
    EXPECT_EQ(read(text, step), (Records{"0:1|nothing|", "21:bad", "25:b|2.500000|", "46:bad", "57:bad"}))
        << step;
}

TEST(RecordReader, RefusesWhatIsNotUtf8) {
  RecordReader reader("a", RecordReader::Form::csv, {});
  StreamRecord record;
  reader.feed(
      "x,y\n1,caf\xe9\n2,\xfc"
      "ber\n",
      0);
  EXPECT_THROW(reader.next(record), DataError);
}

TEST(RecordReader, KeepsTheTextOfABadRecord) {
  RecordReader reader("a", RecordReader::Form::csv, {});
  StreamRecord record;
  reader.feed("x,y\n5,6\n1,2,3\n", 0);
  ASSERT_TRUE(reader.next(record));
  ASSERT_TRUE(reader.next(record));
  EXPECT_EQ(record.text, "1,2,3");
  EXPECT_EQ(record.problem, "3 fields where the header has 2");
}

}  // namespace
}  // namespace ringtrain
