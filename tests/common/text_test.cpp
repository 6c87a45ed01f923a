#include "common/text.h"

#include <gtest/gtest.h>

#include <limits>

#include "common/pattern.h"
#include "common/prometheus_text.h"

namespace ringtrain {
namespace {

const std::vector<std::string> names = {"epochs", "optimizer", "global_batch_size", "seed"};

TEST(Text, NearestFindsATypingMistake) {
  EXPECT_EQ(nearest("epoch", names), "epochs");
  EXPECT_EQ(nearest("optimiser", names), "optimizer");
  EXPECT_EQ(nearest("global_batchsize", names), "global_batch_size");
  EXPECT_EQ(nearest("zzzzzz", names), "");
  EXPECT_EQ(nearest("ab", {"cd"}), "") << "two changes of two letters are no likeness";
  EXPECT_EQ(nearest("x", {}), "");
}

TEST(Text, DidYouMeanIsASentenceOrNothing) {
  EXPECT_EQ(did_you_mean("sead", names), " Did you mean 'seed'?");
  EXPECT_EQ(did_you_mean("zzzzzz", names), "");
}

TEST(Text, PrometheusLabel) { EXPECT_EQ(prometheus_label("a\\b \"c\"\nd"), "a\\\\b \\\"c\\\"\\nd"); }

TEST(Text, Join) {
  EXPECT_EQ(join({}), "");
  EXPECT_EQ(join({"a"}), "a");
  EXPECT_EQ(join({"a", "b", "c"}), "a, b, c");
  EXPECT_EQ(join({"a", "b"}, "|"), "a|b");
}

TEST(Text, MatchesStandsForAnyCharacters) {
  EXPECT_TRUE(matches("V*", "V1"));
  EXPECT_TRUE(matches("V*", "V"));
  EXPECT_FALSE(matches("V*", "Amount"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_TRUE(matches("a*b*c", "a-b-b-c"));
  EXPECT_TRUE(matches("*.weight", "layer.0.weight"));
  EXPECT_FALSE(matches("a*b", "a-b-c"));
  EXPECT_FALSE(matches("abc", "ab"));
  EXPECT_FALSE(matches("*a*a*a*a*a*a*a*a*a*a*a*b", std::string(5000, 'a'))) << "and it returns soon";
}

TEST(Text, AStarCanBeMeant) {
  EXPECT_TRUE(matches("a\\*b", "a*b"));
  EXPECT_FALSE(matches("a\\*b", "a-b"));
  EXPECT_FALSE(matches("a\\*b", "a\\*b"));
  EXPECT_TRUE(matches("\\**", "*, and more"));
  EXPECT_FALSE(matches("\\**", "and more"));
  EXPECT_TRUE(matches("a\\b", "a\\b")) << "a backslash alone is a backslash";
  for (const char* name : {"*", "a*b", "plain", "\\*", "*\\", "**", "\\\\*"}) {
    EXPECT_TRUE(matches(as_pattern(name), name)) << name;
    for (const char* other : {"x", "a-b", "a**b", "plains", "", "***", "\\x"})
      EXPECT_FALSE(matches(as_pattern(name), other)) << name << " " << other;
  }
}

TEST(Text, WithCommas) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1000), "1,000");
  EXPECT_EQ(with_commas(1234567), "1,234,567");
  EXPECT_EQ(with_commas(-123456), "-123,456");
  EXPECT_EQ(with_commas(-123), "-123");
  EXPECT_EQ(with_commas(std::numeric_limits<long long>::min()), "-9,223,372,036,854,775,808");
}

TEST(Text, HumanSeconds) {
  EXPECT_EQ(human_seconds(0.0853), "85.3 ms");
  EXPECT_EQ(human_seconds(3.14), "3.1 s");
  EXPECT_EQ(human_seconds(12.2), "12 s");
  EXPECT_EQ(human_seconds(59.7), "1 min 00 s");
  EXPECT_EQ(human_seconds(185), "3 min 05 s");
  EXPECT_EQ(human_seconds(7800), "2 h 10 min");
  EXPECT_EQ(human_seconds(std::numeric_limits<double>::infinity()), "?");
}

TEST(Text, HumanBytes) {
  EXPECT_EQ(human_bytes(512), "512 B");
  EXPECT_EQ(human_bytes(25.0 * 1024 * 1024), "25.0 MiB");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes(3.0 * 1024 * 1024 * 1024 * 1024), "3.0 TiB");
}

}  // namespace
}  // namespace ringtrain
