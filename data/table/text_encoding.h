#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/table/byte_stream.h"

namespace ringtrain {

enum class TextEncoding { utf8, latin1, windows1252, utf16le, utf16be };

/// As a configuration writes it: "utf-8", "latin-1", "windows-1252", "utf-16le", "utf-16be".
std::string_view encoding_name(TextEncoding encoding);
/// The names of all, in the enum's order.
const std::vector<std::string>& encoding_names();
/// As a sentence writes it: "UTF-8", "Latin-1", ...
std::string_view encoding_title(TextEncoding encoding);

/// How far a text is UTF-8.
struct Utf8Check {
  std::size_t valid;  ///< bytes of whole characters before the first fault; all where there is none
  bool cut = false;   ///< what follows `valid` is the beginning of a character, and the text ends in it
};
Utf8Check check_utf8(std::string_view text);

/// The encoding of a file that begins with `beginning`, which is all of it where `whole`: that of its byte
/// order mark; UTF-16 where every other byte is 0; UTF-8; else Windows-1252, which has all letters of
/// Latin-1. A text with more characters of UTF-8 than faults is damaged UTF-8, not Windows-1252.
TextEncoding detect_encoding(std::string_view beginning, bool whole);

/// The length of the byte order mark with which `beginning` begins: 0 for none.
std::size_t mark_length(std::string_view beginning, TextEncoding encoding);

/// Makes UTF-8 of a text, piece by piece. What is no text of the encoding becomes the byte 0xFF, which UTF-8
/// never holds, so that whoever checks the text finds the place.
class TextDecoder {
 public:
  /// The most bytes that `decode` makes of `count`.
  static constexpr std::size_t most(std::size_t count) { return 3 * count + 4; }

  explicit TextDecoder(TextEncoding encoding) : encoding_(encoding) {}
  /// Writes what `piece` says to `to`; returns how many bytes it wrote.
  std::size_t decode(std::string_view piece, char* to);
  /// The same for a character that the end of the text cuts.
  std::size_t finish(char* to);

 private:
  std::size_t decode_units(std::string_view piece, char* to);

  TextEncoding encoding_;
  int odd_byte_ = -1;  ///< the first byte of a unit whose second has not come
  unsigned high_ = 0;  ///< the first half of a pair
};

/// The text of a stream as UTF-8, without its byte order mark.
class TextStream {
 public:
  TextStream(ByteStream bytes, TextEncoding encoding);
  /// Puts the next text to `to`, at most `most` (16 or more) bytes; 0 at the end. Not checked: see
  /// TextDecoder.
  std::size_t read(char* to, std::size_t most);
  const ByteStream& bytes() const { return bytes_; }
  /// Bytes before the text: those of the mark.
  std::size_t mark() const { return mark_; }

 private:
  ByteStream bytes_;
  TextEncoding encoding_;
  TextDecoder decoder_;
  std::string raw_;
  bool at_end_ = false;
  std::size_t mark_ = 0;
};

}  // namespace ringtrain
