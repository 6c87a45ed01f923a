#include "data/table/text_encoding.h"

#include <gtest/gtest.h>

namespace ringtrain {
namespace {

using namespace std::string_literals;

/// The whole text, decoded in pieces of each of some sizes.
std::string decoded(const std::string& bytes, TextEncoding encoding) {
  std::string first;
  for (const std::size_t piece : {1000, 1, 3}) {
    TextDecoder decoder(encoding);
    std::string text, room(TextDecoder::most(piece), '\0');
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      text.append(room, 0, decoder.decode(std::string_view(bytes).substr(at, piece), room.data()));
    text.append(room, 0, decoder.finish(room.data()));
    if (piece == 1000) first = text;
    EXPECT_EQ(text, first);
  }
  return first;
}

TEST(TextEncoding, ChecksUtf8) {
  // From the Unicode standard, table 3-7, and its neighbours.
  for (const std::string good :
       {"", "abcdefghijklmnop", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "abcdefgh\xC3\xA9xyz"})
    EXPECT_EQ(check_utf8(good).valid, good.size()) << good;
  for (const std::string bad :
       {"\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xE9 x", "\xC3("}) {
    const auto found = check_utf8("0123456789" + bad + "abcdefgh");
    EXPECT_EQ(found.valid, 10u) << bad;
    EXPECT_FALSE(found.cut);
  }
  for (const std::string cut : {"\xC3", "\xE2\x82", "\xF0\x9F\x98"}) {
    const auto found = check_utf8("abc" + cut);
    EXPECT_EQ(found.valid, 3u);
    EXPECT_TRUE(found.cut);
  }
}

TEST(TextEncoding, Decodes) {
  EXPECT_EQ(decoded("caf\xE9 \xFF", TextEncoding::latin1), "café ÿ");
  EXPECT_EQ(decoded("\x80 \x93q\x94 \xE9", TextEncoding::windows1252), "€ “q” é");
  EXPECT_EQ(decoded("a\x81z", TextEncoding::windows1252), "a\xFFz");  // means nothing there
  EXPECT_EQ(decoded("a\0\xE9\0\x3D\xD8\x00\xDE"s, TextEncoding::utf16le), "aé😀");
  EXPECT_EQ(decoded("\0a\0\xE9\xD8\x3D\xDE\x00"s, TextEncoding::utf16be), "aé😀");
  EXPECT_EQ(decoded("a\0b"s, TextEncoding::utf16le), "a\xFF");  // half a unit
  EXPECT_EQ(decoded("\x3D\xD8"
                    "a\0"s,
                    TextEncoding::utf16le),
            "\xFF"
            "a");  // half a pair
  EXPECT_EQ(decoded("\x00\xDE"
                    "a\0"s,
                    TextEncoding::utf16le),
            "\xFF"
            "a");
  EXPECT_EQ(decoded("a\0\x3D\xD8"s, TextEncoding::utf16le), "a\xFF");
}

TEST(TextEncoding, Detects) {
  const auto encoding = [](const std::string& text, bool whole = true) {
    return detect_encoding(text, whole);
  };
  EXPECT_EQ(encoding(""), TextEncoding::utf8);
  EXPECT_EQ(encoding("a,b\n1,2\n"), TextEncoding::utf8);
  EXPECT_EQ(encoding("größe\n"), TextEncoding::utf8);
  EXPECT_EQ(encoding("gr\xF6\xDF"
                     "e\n"),
            TextEncoding::windows1252);
  EXPECT_EQ(encoding("caf\xE9"), TextEncoding::windows1252);
  EXPECT_EQ(encoding("abc\xC3", false), TextEncoding::utf8);  // cut in the middle of a character
  // One damaged byte in a text of UTF-8 does not make all the others two characters of Windows-1252.
  EXPECT_EQ(encoding("größe, länge, h\xF6he"), TextEncoding::utf8);
  EXPECT_EQ(encoding("\xEF\xBB\xBFx"), TextEncoding::utf8);
  EXPECT_EQ(encoding("\xFF\xFEx\0"s), TextEncoding::utf16le);
  EXPECT_EQ(encoding("\xFE\xFF\0x"s), TextEncoding::utf16be);
  EXPECT_EQ(encoding("a\0,\0b\0\n\0"s), TextEncoding::utf16le);
  EXPECT_EQ(encoding("\0a\0,\0b\0\n"s), TextEncoding::utf16be);
  EXPECT_EQ(encoding("a,b\n1,\0\n1,2\n"s), TextEncoding::utf8);  // a stray NUL
}

TEST(TextStream, PassesOverItsMark) {
  for (const auto& [bytes, encoding] :
       {std::pair("\xEF\xBB\xBF"
                  "aé"s,
                  TextEncoding::utf8),
        std::pair("\xFF\xFE"
                  "a\0\xE9\0"s,
                  TextEncoding::utf16le),
        std::pair("\xFE\xFF\0a\0\xE9"s, TextEncoding::utf16be), std::pair("a\xE9"s, TextEncoding::latin1)}) {
    TextStream stream(ByteStream(bytes, "text"), encoding);
    std::string text, room(16, '\0');
    while (const auto got = stream.read(room.data(), room.size())) text.append(room, 0, got);
    EXPECT_EQ(text, "aé");
  }
}

}  // namespace
}  // namespace ringtrain
