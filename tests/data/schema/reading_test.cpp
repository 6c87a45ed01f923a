#include "data/schema/reading.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ringtrain {
namespace {

Reading usual() { return Reading({.version = 2, .missing = ReadingRules::usual_missing()}); }

void expect_number(const Number& number, double value) {
  EXPECT_EQ(number.state, ValueState::good);
  EXPECT_EQ(number.value, value);
}

TEST(ReadingNumbers, TakesSignsBlanksExponentsAndBooleans) {
  const auto reading = usual();
  for (const char* text : {"5", "+5", " 5 ", "\t5.0", "5e0", "0.5e1", "\xC2\xA0\x35"})
    expect_number(reading.number(text), 5);
  expect_number(reading.number("-.5"), -0.5);
  expect_number(reading.number("+.5"), 0.5);
  for (const char* text : {"true", "True", " TRUE "}) expect_number(reading.number(text), 1);
  expect_number(reading.number("false"), 0);
  expect_number(reading.number(true), 1);
  expect_number(reading.number("1e-400"), 0);
  expect_number(reading.number("4.9e-324"), 4.9e-324);
}

TEST(ReadingNumbers, RefusesWhatIsNone) {
  const auto reading = usual();
  for (const char* text : {"abc", "1,5", "5 6", "+-5", "++5", "0x10", "1_000", "--", "+", "tRue", "5a", "1e"})
    EXPECT_EQ(reading.number(text).state, ValueState::not_a_number) << text;
  for (const char* text : {"inf", "-inf", "Infinity", "1e400", "-1e400"})
    EXPECT_EQ(reading.number(text).state, ValueState::infinite) << text;
  EXPECT_EQ(reading.number(std::numeric_limits<double>::infinity()).state, ValueState::infinite);
}

TEST(ReadingNumbers, RefusesWholeNumbersThatLoseDigits) {
  const auto reading = usual();
  expect_number(reading.number("9007199254740992"), 9007199254740992.0);
  expect_number(reading.number("-9007199254740992"), -9007199254740992.0);
  expect_number(reading.number("1700000000000000000"), 1.7e18);  // float64 holds it
  expect_number(reading.number("000000000000000000000000012"), 12);
  for (const char* text :
       {"9007199254740993", "-9007199254740993", "1700000000000000001", "123456789012345678901234567890"})
    EXPECT_EQ(reading.number(text).state, ValueState::inexact) << text;
  EXPECT_EQ(reading.number(std::int64_t{9007199254740993}).state, ValueState::inexact);
  EXPECT_EQ(reading.number(std::numeric_limits<std::int64_t>::max()).state, ValueState::inexact);
  expect_number(reading.number(std::numeric_limits<std::int64_t>::min()), -9223372036854775808.0);
  EXPECT_EQ(reading.number(std::numeric_limits<std::uint64_t>::max()).state, ValueState::inexact);
  expect_number(reading.number(std::uint64_t{1} << 63), 9223372036854775808.0);
  // With a point or exponent it is a measurement, which is rounded as any.
  expect_number(reading.number("9007199254740993.0"), 9007199254740992.0);
}

TEST(ReadingNumbers, KnowsTheSpellingsOfMissing) {
  const auto reading = usual();
  for (const char* text : {"", "  ", "NA", " NA ", "nan", "NaN", "-nan", "null", "<NA>", "#N/A N/A"})
    EXPECT_EQ(reading.number(text).state, ValueState::missing) << text;
  EXPECT_EQ(reading.number(std::nan("")).state, ValueState::missing);
  const Reading own({.version = 2, .missing = {"?", "-999"}});
  for (const char* text : {"?", "-999", "-999.0", " -999 ", ""})
    EXPECT_EQ(own.number(text).state, ValueState::missing) << text;
  EXPECT_EQ(own.number(-999.0).state, ValueState::missing);
  EXPECT_EQ(own.number(std::int64_t{-999}).state, ValueState::missing);
  EXPECT_EQ(own.number("NA").state, ValueState::not_a_number);
}

TEST(ReadingWords, OneWordForAllWays) {
  const auto reading = usual();
  for (const char* text : {"3", "3.0", "3.000", " 3 "}) EXPECT_EQ(reading.word(text).text, "3") << text;
  EXPECT_EQ(reading.word(3.0).text, "3");
  EXPECT_EQ(reading.word(std::int64_t{3}).text, "3");
  EXPECT_EQ(reading.word(std::uint64_t{3}).text, "3");
  EXPECT_EQ(reading.word("-0.0").text, "0");
  EXPECT_EQ(reading.word(-0.0).text, "0");
  EXPECT_EQ(reading.word("0.10").text, "0.1");
  EXPECT_EQ(reading.word(0.1).text, "0.1");
  EXPECT_EQ(reading.word(1e20).text, "100000000000000000000");
  EXPECT_EQ(reading.word(1e-7).text, "0.0000001");
  for (const char* text : {"true", "True", "TRUE"}) EXPECT_EQ(reading.word(text).text, "true");
  EXPECT_EQ(reading.word(true).text, "true");
  EXPECT_EQ(reading.word("Z\xC3\xBCrich").text, "Z\xC3\xBCrich");
  EXPECT_EQ(reading.word(" Zu\xCC\x88rich\xC2\xA0").text, "Z\xC3\xBCrich");
  // What only looks like a number is a name.
  for (const char* text : {"007", "1e5", "+5", "1.", ".5", "tRUE", "-007", "1.2.3"})
    EXPECT_EQ(reading.word(text).text, text);
}

TEST(ReadingWords, MissingAndWhatIsNoText) {
  const auto reading = usual();
  for (const char* text : {"", " ", "NA", " NA", "null"}) {
    EXPECT_EQ(reading.word(text).state, ValueState::missing) << text;
    EXPECT_EQ(reading.word(text).text, "");
  }
  EXPECT_EQ(reading.word(std::nan("")).state, ValueState::missing);
  EXPECT_EQ(reading.word("caf\xE9").state, ValueState::not_utf8);
  EXPECT_EQ(reading.word("\xED\xA0\x80").state, ValueState::not_utf8);  // half of a surrogate pair
  const Reading namibia({.version = 2, .missing = {}});
  EXPECT_EQ(namibia.word("NA").text, "NA");
  EXPECT_EQ(namibia.word("").state, ValueState::missing);
  const Reading own({.version = 2, .missing = {"-1"}});
  EXPECT_EQ(own.word("-1.0").state, ValueState::missing);
  EXPECT_EQ(own.word(std::int64_t{-1}).state, ValueState::missing);
}

TEST(ReadingWords, TheFirstRulesTakeTextsAsTheyAre) {
  const Reading first({.version = 1, .missing = ReadingRules::usual_missing()});
  for (const char* text : {" Z ", "3.0", "True", "007", "Zu\xCC\x88rich"})
    EXPECT_EQ(first.word(text).text, text);
  EXPECT_EQ(first.word("NA").state, ValueState::missing);
  EXPECT_EQ(first.word("caf\xE9").state, ValueState::not_utf8);
}

}  // namespace
}  // namespace ringtrain
