#include "data/table/text_encoding.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

namespace ringtrain {
namespace {

unsigned byte_at(std::string_view text, std::size_t place) { return static_cast<unsigned char>(text[place]); }

/// The bytes of the character at `place`, 0 where there is none; `cut` where only the text's end is at fault.
std::size_t character_length(std::string_view text, std::size_t place, bool& cut) {
  const unsigned first = byte_at(text, place);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xC2 && first < 0xE0   ? 2
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xF0 && first < 0xF5 ? 4
                                                             : 0;
  // The second byte's range keeps out long forms, halves of pairs, and what is beyond U+10FFFF.
  const unsigned low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  for (std::size_t i = 1; i < length; ++i) {
    if (place + i == text.size()) {
      cut = true;
      return 0;
    }
    const unsigned next = byte_at(text, place + i);
    if (next < (i == 1 ? low : 0x80) || next > (i == 1 ? high : 0xBF)) return 0;
  }
  return length;
}

constexpr char no_text = '\xFF';

char* put_utf8(unsigned code, char* to) {
  const auto put = [&to](unsigned byte) { *to++ = static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
  return to;
}

/// What Windows-1252 means by 0x80 to 0x9F; 0 for nothing.
constexpr std::array<std::uint16_t, 32> windows_1252{
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

bool is_utf16(TextEncoding encoding) {
  return encoding == TextEncoding::utf16le || encoding == TextEncoding::utf16be;
}

/// Texts of tables are mostly digits and commas: in UTF-16 every other byte is 0.
bool zeros_at(std::string_view text, std::size_t odd) {
  std::size_t zeros[2] = {0, 0};
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\0') ++zeros[i % 2];
  return zeros[odd] * 4 > text.size() / 2 && zeros[1 - odd] * 20 <= zeros[odd];
}

}  // namespace

const std::vector<std::string>& encoding_names() {
  static const std::vector<std::string> names{"utf-8", "latin-1", "windows-1252", "utf-16le", "utf-16be"};
  return names;
}

std::string_view encoding_name(TextEncoding encoding) {
  return encoding_names()[static_cast<std::size_t>(encoding)];
}

std::string_view encoding_title(TextEncoding encoding) {
  constexpr std::string_view titles[] = {"UTF-8", "Latin-1", "Windows-1252", "UTF-16", "UTF-16 (big-endian)"};
  return titles[static_cast<std::size_t>(encoding)];
}

Utf8Check check_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::uint64_t word = 0;
    while (at + sizeof(word) <= text.size()) {
      std::memcpy(&word, text.data() + at, sizeof(word));
      if (word & 0x8080808080808080u) break;
      at += sizeof(word);
    }
    for (bool ascii = true; at < text.size();) {
      bool cut = false;
      const auto length = character_length(text, at, cut);
      if (length == 0) return {at, cut};
      if (ascii && length > 1) ascii = false;
      at += length;
      if (!ascii && length == 1) break;
    }
  }
  return {text.size()};
}

std::size_t mark_length(std::string_view beginning, TextEncoding encoding) {
  const std::string_view mark = encoding == TextEncoding::utf8      ? "\xEF\xBB\xBF"
                                : encoding == TextEncoding::utf16le ? "\xFF\xFE"
                                : encoding == TextEncoding::utf16be ? "\xFE\xFF"
                                                                    : "";
  return beginning.starts_with(mark) ? mark.size() : 0;
}

TextEncoding detect_encoding(std::string_view beginning, bool whole) {
  for (const auto marked : {TextEncoding::utf8, TextEncoding::utf16le, TextEncoding::utf16be})
    if (mark_length(beginning, marked) > 0) return marked;
  if (zeros_at(beginning, 1)) return TextEncoding::utf16le;
  if (zeros_at(beginning, 0)) return TextEncoding::utf16be;
  std::size_t characters = 0, faults = 0;
  for (std::size_t at = 0; at < beginning.size();) {
    bool cut = false;
    const auto length = character_length(beginning, at, cut);
    if (length == 0 && cut && !whole) break;
    if (length > 1) ++characters;
    if (length == 0) ++faults;
    at += std::max<std::size_t>(length, 1);
  }
  return faults > characters ? TextEncoding::windows1252 : TextEncoding::utf8;
}

std::size_t TextDecoder::decode_units(std::string_view piece, char* to) {
  char* const begin = to;
  std::size_t at = 0;
  const auto unit = [&](unsigned first, unsigned second) {
    return encoding_ == TextEncoding::utf16le ? first | second << 8 : first << 8 | second;
  };
  while (at < piece.size()) {
    const unsigned first =
        odd_byte_ >= 0 ? static_cast<unsigned>(std::exchange(odd_byte_, -1)) : byte_at(piece, at++);
    if (at == piece.size()) {
      odd_byte_ = static_cast<int>(first);
      break;
    }
    const unsigned code = unit(first, byte_at(piece, at++));
    const bool second_half = code >= 0xDC00 && code < 0xE000;
    if (high_ != 0 && second_half) {
      to = put_utf8(0x10000 + ((std::exchange(high_, 0) - 0xD800) << 10) + (code - 0xDC00), to);
      continue;
    }
    if (std::exchange(high_, 0) != 0) *to++ = no_text;
    if (code >= 0xD800 && code < 0xDC00)
      high_ = code;
    else if (second_half)
      *to++ = no_text;
    else
      to = put_utf8(code, to);
  }
  return static_cast<std::size_t>(to - begin);
}

std::size_t TextDecoder::decode(std::string_view piece, char* to) {
  if (is_utf16(encoding_)) return decode_units(piece, to);
  if (encoding_ == TextEncoding::utf8) {
    std::memcpy(to, piece.data(), piece.size());
    return piece.size();
  }
  char* const begin = to;
  for (const char c : piece) {
    unsigned code = static_cast<unsigned char>(c);
    if (code < 0x80) {
      *to++ = c;
      continue;
    }
    if (encoding_ == TextEncoding::windows1252 && code < 0xA0) code = windows_1252[code - 0x80];
    if (code == 0)
      *to++ = no_text;
    else
      to = put_utf8(code, to);
  }
  return static_cast<std::size_t>(to - begin);
}

std::size_t TextDecoder::finish(char* to) {
  if (odd_byte_ < 0 && high_ == 0) return 0;
  odd_byte_ = -1;
  high_ = 0;
  *to = no_text;
  return 1;
}

TextStream::TextStream(ByteStream bytes, TextEncoding encoding)
    : bytes_(std::move(bytes)), encoding_(encoding), decoder_(encoding) {
  char mark[4];
  mark_ = mark_length(bytes_.peek(sizeof(mark)), encoding);
  if (mark_ > 0) bytes_.read(mark, mark_);
}

std::size_t TextStream::read(char* to, std::size_t most) {
  if (encoding_ == TextEncoding::utf8) return bytes_.read(to, most);
  raw_.resize(most / 3 - 2);
  while (!at_end_) {
    const auto got = bytes_.read(raw_.data(), raw_.size());
    at_end_ = got == 0;
    const auto written =
        at_end_ ? decoder_.finish(to) : decoder_.decode(std::string_view(raw_).substr(0, got), to);
    if (written > 0) return written;
  }
  return 0;
}

}  // namespace ringtrain
