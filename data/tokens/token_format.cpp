#include "data/tokens/token_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "common/errors.h"
#include "common/text.h"
#include "data/tokens/characters.h"

namespace ringtrain {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kHeader = 256 * sizeof(std::int32_t);  // of llm.c
constexpr std::int64_t kEvidence = 32;                       // numbers that must agree
constexpr std::uint16_t kSmall = 63;    // an upper half up to here: of a vocabulary below 4 million
constexpr std::uint16_t kLarge = 1000;  // no character-level vocabulary

std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

template <class Number>
std::span<const Number> numbers(Bytes bytes) {
  return {reinterpret_cast<const Number*>(bytes.data()), bytes.size() / sizeof(Number)};
}

[[noreturn]] void refuse(const std::string& why) { throw DataError(why); }

const char* const kHowTo =
    "write the plain numbers: numpy.array(tokens, '<u2').tofile(FILE), or '<u4' for a vocabulary above 65536";

/// What other programs' files begin with.
void refuse_containers(Bytes bytes, bool declared) {
  const auto text = text_of(bytes);
  using namespace std::string_view_literals;
  if (text.starts_with("\x93NUMPY"sv))
    refuse(fmt::format("it is a file of NumPy (.npy) with a header; {}", kHowTo));
  if (declared) return;
  for (const auto& [magic, what] : {std::pair{"\x1f\x8b\x08"sv, "a gzip file"},
                                    {"PK\x03\x04"sv, "a zip file (.npz, .pt)"},
                                    {"\x28\xb5\x2f\xfd"sv, "a zstd file"},
                                    {"PAR1"sv, "a Parquet file"},
                                    {"\x89HDF\r\n"sv, "an HDF5 file"}})
    if (text.starts_with(magic)) refuse(fmt::format("it is {}, not plain tokens; {}", what, kHowTo));
}

void refuse_text(Bytes bytes) {
  const auto text = text_of(bytes).substr(0, 1 << 16);
  if (text.size() < 64) return;
  std::size_t at = 0;
  while (at + 4 <= text.size() || (at < text.size() && text.size() == bytes.size())) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const bool control = byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t';
    const auto length = utf8_length(text, at);
    if (control || byte == 0x7f || length == 0) return;
    at += length;
  }
  refuse(
      "it is text, not tokens; make tokens of it: ringtrain generate chars FILE --output tokens.bin, or with "
      "a tokenizer of your own");
}

/// Returns false when there is no such header.
bool read_header(Bytes bytes, std::string_view dtype, TokenFormat& format) {
  if (bytes.size() < kHeader) return false;
  std::array<std::int32_t, 3> header{};
  std::memcpy(header.data(), bytes.data(), sizeof header);
  const auto [magic, version, count] = header;
  if (magic != 20240520 && magic != 20240801) return false;
  format = {magic == 20240520 ? TokenType::uint16 : TokenType::uint32, kHeader};
  const char* type = format.type == TokenType::uint16 ? "uint16" : "uint32";
  const int known = format.type == TokenType::uint16 ? 1 : 7;
  if (version != known)
    refuse(fmt::format("it begins with the header of llm.c ({}), of version {}; known is version {}", magic,
                       version, known));
  if (dtype != "auto" && dtype != type)
    refuse(fmt::format("its header (of llm.c, {}) says {}, but data.token_dtype is {}; set auto", magic, type,
                       dtype));
  const std::size_t expected = kHeader + static_cast<std::size_t>(std::max(0, count)) * format.token_bytes();
  if (count < 0 || bytes.size() != expected)
    refuse(
        fmt::format("its header (of llm.c) says {} tokens, which makes {} bytes with it; it has {}. Is it "
                    "cut off?",
                    with_commas(count), with_commas(static_cast<long long>(expected)),
                    with_commas(static_cast<long long>(bytes.size()))));
  return true;
}

/// Whether all is as if numbers of 32 bits were the halves of numbers of 64.
bool looks_like_64_bits(Bytes bytes) {
  const auto words = numbers<std::uint32_t>(bytes);
  if (bytes.size() % 8 != 0) return false;
  std::int64_t set = 0;
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    if (words[i + 1] != 0) return false;
    set += words[i] != 0 ? 1 : 0;
  }
  return set >= kEvidence / 2;
}

[[noreturn]] void refuse_either(const std::string& why) {
  refuse(why + "; say what it is: data.token_dtype: uint16 or uint32");
}

TokenType type_by_content(Bytes bytes, std::int64_t vocabulary) {
  if (bytes.size() % 4 != 0) return TokenType::uint16;
  const auto words = numbers<std::uint16_t>(bytes);
  const auto last_upper = static_cast<std::uint16_t>(std::min<std::int64_t>((vocabulary - 1) >> 16, 0xffff));
  std::uint16_t most = 0;
  std::int64_t above = 0, large = 0;
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    const std::uint16_t lower = words[i], upper = words[i + 1];
    most = std::max(most, upper);
    if (most > last_upper && most > kSmall) return TokenType::uint16;
    above += lower > last_upper ? 1 : 0;
    large += lower >= kLarge ? 1 : 0;
  }
  if (most <= last_upper) {
    if (above < kEvidence) refuse_either("its content does not show whether its tokens have 16 or 32 bits");
    if (looks_like_64_bits(bytes))
      refuse(fmt::format("it looks like numbers of 64 bits (NumPy's default); {}", kHowTo));
    return TokenType::uint32;
  }
  if (large >= kEvidence)
    refuse_either(
        fmt::format("every second number of 16 bits is at most {}, the others are not: it looks like tokens "
                    "of 32 bits, some "
                    "of them not in the vocabulary of {}; raise model.vocabulary",
                    most, with_commas(vocabulary)));
  return TokenType::uint16;
}

}  // namespace

TokenFormat recognise_tokens(Bytes bytes, std::string_view dtype, std::int64_t vocabulary) {
  TokenFormat format;
  refuse_containers(bytes, dtype != "auto");
  if (read_header(bytes, dtype, format)) return format;
  if (dtype == "uint32") format.type = TokenType::uint32;
  if (bytes.size() % format.token_bytes() != 0)
    refuse(
        fmt::format("it has {} bytes, {}; tokens are unsigned numbers of {} bits, {} bytes each. Is it cut "
                    "off, or of another type?",
                    with_commas(static_cast<long long>(bytes.size())),
                    format.type == TokenType::uint16 ? "an odd number" : "no multiple of 4",
                    8 * format.token_bytes(), format.type == TokenType::uint16 ? "two" : "four"));
  if (dtype != "auto") return format;
  refuse_text(bytes);
  format.type = type_by_content(bytes, vocabulary);
  return format;
}

}  // namespace ringtrain
