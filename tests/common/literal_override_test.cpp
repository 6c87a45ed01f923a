#include "common/literal_override.h"

#include <gtest/gtest.h>

#include "common/config_writer.h"
#include "common/errors.h"
#include "common/yaml_reader.h"

namespace ringtrain::config {
namespace {

struct Fields {
  std::string text = "default";
  std::int64_t number = 7;
  void describe(Visitor& v) {
    v.field("text", text, "A text.");
    v.field("number", number, "A number.");
  }
};

Fields read(const std::string& document, const std::vector<std::string>& overrides = {}) {
  Fields fields;
  YamlDocument::from_text(document, "F", overrides).read([&fields](Visitor& v) { fields.describe(v); });
  return fields;
}

TEST(LiteralOverride, IsReadAsItStandsWhateverItLooksLike) {
  for (const std::string text : {"",           "~",
                                 "null",       "tok #1",
                                 "#",          "::",
                                 "a: b",       "[1, 2]",
                                 "{a}",        "'x'",
                                 "\"",         "\\",
                                 "\\n",        "%d",
                                 "&a",         "*a",
                                 "!tag",       "- x",
                                 "true",       "0x10",
                                 "  spaces  ", "two\nlines\n",
                                 "\n",         "\t",
                                 "\r\n",       "before\x04 after",
                                 "\x7f",       "---\n...",
                                 "ä/ü",        "\xe9",
                                 "\xff\xfe",   "\xef\xbb\xbf-x",
                                 "\xc2\x85",   "\xe2\x80\xa8"}) {
    EXPECT_EQ(read("{}", {literal_override("text", text)}).text, text) << ::testing::PrintToString(text);
    // And again as the folder of a run keeps it.
    auto written = read("{}", {literal_override("text", text)});
    if (text.find('\xe9') == std::string::npos && text.find('\xff') == std::string::npos) {
      EXPECT_EQ(read(to_yaml([&](Visitor& v) { written.describe(v); })).text, text)
          << ::testing::PrintToString(text);
    }
  }
}

TEST(NumberOverride, TakesNumbersAndNothingElse) {
  EXPECT_EQ(read("{}", {number_override("number", "8501")}).number, 8501);
  EXPECT_EQ(read("{}", {number_override("number", "-1")}).number, -1);
  for (const std::string text : {"", "~", "8501 # x", "[1]", "0x10", "1_000", "null", "eight"})
    EXPECT_THROW(read("{}", {number_override("number", text)}), ConfigError) << text;
}

TEST(YamlDocument, KnowsFieldsThatAreThereWithNothing) {
  const auto is_empty = [](const std::string& document, const std::string& path) {
    return YamlDocument::from_text(document, "F").is_empty(path);
  };
  for (const char* document : {"a: {b: }", "a: {b: ~}", "a: {b: ''}", "a:\n  b: null\n"})
    EXPECT_TRUE(is_empty(document, "a.b")) << document;
  for (const char* document : {"a: {b: 'x'}", "a: {b: [ ]}", "a: {c: }", "{}", "", "a: 3"})
    EXPECT_FALSE(is_empty(document, "a.b")) << document;
  EXPECT_TRUE(YamlDocument::from_text("{}", "F", {"a.b="}).is_empty("a.b"));
}

}  // namespace
}  // namespace ringtrain::config
