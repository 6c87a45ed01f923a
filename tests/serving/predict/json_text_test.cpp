#include "serving/predict/json_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "common/errors.h"
#include "tests/serving/thrown.h"

namespace ringtrain::test {
namespace {

using namespace std::string_literals;

std::string refused(const std::string& text) {
  return thrown<DataError>([&] { parse_json(text); });
}
std::string number_text(float number) {
  std::string text;
  append_number(text, number);
  return text;
}

TEST(ParseJson, NumbersAreRoundedCorrectly) {
  // Each is nearer to its double than to any other one; the first ones are the hard cases of the literature.
  for (const char* text :
       {"2.2250738585072011e-308", "9007199254740993", "1.7976931348623157e308", "5e-324", "2.5e-324", "0.1",
        "-0.0", "123456789012345678901234567890", "8.44291197326099e-309", "-9223372036854775809", "0e100"})
    EXPECT_EQ(parse_json(text).GetDouble(), std::strtod(text, nullptr)) << text;
  EXPECT_TRUE(std::isnan(parse_json("NaN").GetDouble()));
  EXPECT_EQ(parse_json("-Infinity").GetDouble(), -std::numeric_limits<double>::infinity());
}

TEST(ParseJson, WholeNumbersStayWhole) {
  EXPECT_EQ(parse_json("-9223372036854775808").GetInt64(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parse_json("18446744073709551615").GetUint64(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_FALSE(parse_json("18446744073709551616").IsUint64());
  EXPECT_TRUE(parse_json("7").IsInt());
  EXPECT_FALSE(parse_json("7.0").IsInt64());
}

TEST(ParseJson, NumbersThatDoublesDoNotHold) {
  const std::string zeros(600, '0'), digits(40, '4');
  for (const auto& text :
       {"44444444.444444444444444444444e-344"s, "128.74836467836484838364836483643636483648e-336"s,
        "0." + zeros + digits, digits + "e-400", "1e-2147483648"s, "1e-99999999999999999999"s})
    EXPECT_EQ(parse_json("[" + text + "]")[0].GetDouble(), 0) << text;
  EXPECT_EQ(parse_json("[0." + zeros + digits + "e600]")[0].GetDouble(), std::stod("0." + digits));
  for (const auto& text : {"1e309"s, "-1.8e308"s, "17976931348623159e292"s, "1" + zeros,
                           "1." + zeros + "e900", "1e99999999999"s})
    EXPECT_EQ(refused(text).substr(0, 24), "not JSON: Number too big") << text;
}

TEST(ParseJson, NothingFollowsNaNAndInfinity) {
  for (const char* text : {"NaN.5", "NaNe5", "-NaNE-30", "Inf.5", "InfE1", "Infinity.0", "[-Infinitye-400]"})
    EXPECT_NE(refused(text).find("not JSON: NaN and Infinity are followed"), std::string::npos) << text;
  EXPECT_NE(refused("NaN5").find("not JSON"), std::string::npos);
  EXPECT_EQ(parse_json(R"([NaN, Inf, -Infinity, true, false, 1.5e1, "NaN.5 f.e y.E"])").Size(), 7U);
}

TEST(ParseJson, OneValueAndNothingBehindIt) {
  EXPECT_TRUE(parse_json(" [1] \n").IsArray());
  EXPECT_TRUE(parse_json("\xef\xbb\xbf[1]").IsArray()) << "a byte order mark";
  EXPECT_EQ(refused("\xef\xbb\xbf[1] 2"),
            "not JSON: The document root must not be followed by other values. (at byte 7)");
  EXPECT_EQ(refused("\xef\xbb\xbf[\0]"s), "not JSON: it holds a byte 0 (at byte 4)");
  EXPECT_EQ(refused(""), "not JSON: The document is empty. (at byte 0)");
  EXPECT_EQ(refused("1 2"), "not JSON: The document root must not be followed by other values. (at byte 2)");
  EXPECT_EQ(refused("[1]\0garbage"s), "not JSON: it holds a byte 0 (at byte 3)");
  EXPECT_EQ(refused("\"a\0b\""s), "not JSON: it holds a byte 0 (at byte 2)");
  EXPECT_EQ(parse_json(R"("a\u0000b")").GetStringLength(), 3U);
  EXPECT_NE(refused("[1e400]").find("not JSON: Number too big"), std::string::npos);
  EXPECT_NE(refused("\"\xff\"").find("not JSON: Invalid encoding"), std::string::npos);
}

TEST(ParseJson, SurrogatesComeInPairs) {
  const auto pair = parse_json(R"("\ud83d\uDE00")");
  EXPECT_EQ(text_of(pair), "\U0001F600");
  EXPECT_TRUE(parse_json(R"("\\ude00")").IsString()) << "a backslash and letters";
  EXPECT_TRUE(parse_json(R"("\ud7ff\ue000\u00de")").IsString());
  EXPECT_NE(refused(R"("\ud800")").find("not JSON: The surrogate pair"), std::string::npos);
  EXPECT_NE(refused(R"("\ud83d\ud83d\ude00")").find("not JSON: The surrogate pair"), std::string::npos);
  for (const char* text :
       {R"("\ude00")", R"("\uDC00")", R"("\udfff")", R"("\ud83d\ude00\ude00")", R"("\ud83dx\ude00")"})
    EXPECT_NE(refused(text).find("surrogate pair in a string"), std::string::npos) << text;
}

TEST(ParseJson, DepthIsLimited) {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_TRUE(parse_json(nested(32)).IsArray());
  EXPECT_EQ(refused(nested(33)), "the JSON is nested deeper than 32 levels");
  EXPECT_EQ(refused(std::string(1'000'000, '[')), "the JSON is nested deeper than 32 levels");
  EXPECT_TRUE(parse_json("\"" + std::string(100, '[') + "\\\"" + std::string(100, '{') + "\"").IsString());
  std::string many = "[";
  for (int i = 0; i < 100; ++i) many += "[[]],";
  EXPECT_EQ(parse_json(many + "1]").Size(), 101U);
}

TEST(Shown, LongValuesAreShortened) {
  EXPECT_EQ(shown(parse_json(R"([1, "a", null, NaN])")), R"([1,"a",null,NaN])");
  EXPECT_EQ(shown(parse_json("[1,2,3,4,5,6,7,8,9]")), "an array of 9 values");
  const auto text = shown(parse_json("\"" + std::string(100, 'x') + "\""));
  EXPECT_EQ(text, "\"" + std::string(56, 'x') + "...");
}

TEST(AppendNumber, FewestDigitsThatGiveTheSameFloat) {
  EXPECT_EQ(number_text(1), "1.0");
  EXPECT_EQ(number_text(-0.0F), "-0.0");
  EXPECT_EQ(number_text(0.1F), "0.1");
  EXPECT_EQ(number_text(16777216), "1.6777216e+07");
  EXPECT_EQ(number_text(1e20F), "1e+20");
  EXPECT_EQ(number_text(std::numeric_limits<float>::denorm_min()), "1e-45");
  EXPECT_EQ(number_text(std::numeric_limits<float>::max()), "3.4028235e+38");
  EXPECT_EQ(number_text(std::nanf("")), "NaN");
  EXPECT_EQ(number_text(-std::numeric_limits<float>::infinity()), "-Infinity");
  std::mt19937 random(7);
  for (int i = 0; i < 100'000; ++i) {
    const auto bits = static_cast<std::uint32_t>(random());
    float number = 0;
    std::memcpy(&number, &bits, sizeof number);
    if (std::isfinite(number)) {
      EXPECT_EQ(static_cast<float>(parse_json(number_text(number)).GetDouble()), number);
    }
  }
}

TEST(AppendString, IsReadAgainAsItWas) {
  for (const std::string& text : {""s, "a\"b\\c/"s, "\0\1\n\x7f"s, "é日本\U0001F600"s}) {
    std::string json;
    append_string(json, text);
    const auto again = parse_json(json);
    EXPECT_EQ(text_of(again), text) << json;
  }
  std::string json;
  append_string(json, "a\xff");
  EXPECT_EQ(json, "\"a\xef\xbf\xbd\"") << "the sign for what is no UTF-8";
}

}  // namespace
}  // namespace ringtrain::test
