#include "serving/predict/json_text.h"

#include <fmt/format.h>
#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <charconv>
#include <clocale>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "common/errors.h"

namespace ringtrain {
namespace {

constexpr int kMostLevels = 32;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// Whether the escape at `at` is a half of a surrogate pair: "\ud800" to "\udbff" the first one, "\udc00" to
/// "\udfff" the second one.
enum class Half { none, first, second };
Half half_at(std::string_view text, std::size_t at) {
  if (at + 4 > text.size() || text[at + 1] != 'u' || (text[at + 2] | 0x20) != 'd') return Half::none;
  const auto digit = static_cast<char>(text[at + 3] | 0x20);
  if (digit >= 'c' && digit <= 'f') return Half::second;
  return digit == '8' || digit == '9' || digit == 'a' || digit == 'b' ? Half::first : Half::none;
}

/// Refuses what RapidJSON would take: a byte 0, which is the end for it; nesting so deep that those who read
/// the document recurse too far; the second half of a pair without the first one, which is no UTF-8. The JSON
/// starts at `begin`.
void check_before(std::string_view text, std::size_t begin) {
  if (const auto zero = text.find('\0'); zero != std::string_view::npos)
    throw DataError(fmt::format("not JSON: it holds a byte 0 (at byte {})", zero));
  int level = 0;
  bool quoted = false;
  std::size_t after_first = 0;
  for (std::size_t i = begin; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') {
        const auto half = half_at(text, i);
        if (half == Half::second && after_first != i)
          throw DataError(
              fmt::format("not JSON: the surrogate pair in a string has no first half (at byte {})", i));
        if (half == Half::first) after_first = i + 6;
        ++i;
      } else if (c == '"') {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++level > kMostLevels)
        throw DataError(fmt::format("the JSON is nested deeper than {} levels", kMostLevels));
    } else if (c == ']' || c == '}') {
      --level;
    }
  }
}

/// What RapidJSON reads, with numbers that the standard library reads: RapidJSON's own conversion looks
/// behind the end of its table of powers for some numbers below 1e-328 (its issue 1251), and takes NaN.5.
class DocumentBuilder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, DocumentBuilder> {
 public:
  /// `problem` gets why a number was refused.
  DocumentBuilder(rapidjson::Document& document, std::string& problem)
      : document_(document), problem_(problem) {}

  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    const char* const end = text + length;
    std::int64_t whole = 0;
    const auto digits = std::from_chars(text, end, whole);
    if (digits.ptr == end && digits.ec == std::errc()) return document_.Int64(whole);
    if (std::uint64_t large = 0; digits.ptr == end && std::from_chars(text, end, large).ec == std::errc())
      return document_.Uint64(large);
    double number = 0;
    const auto [stop, error] = std::from_chars(text, end, number);
    if (error == std::errc::result_out_of_range) {
      number = nearest(text);
      if (std::isinf(number)) return refuse("Number too big to be stored in double.");
    }
    return stop == end ? document_.Double(number) : refuse("NaN and Infinity are followed by something.");
  }

  bool Null() { return document_.Null(); }
  bool Bool(bool value) { return document_.Bool(value); }
  bool String(const Ch* text, rapidjson::SizeType length, bool) {
    return document_.String(text, length, true);
  }
  bool Key(const Ch* text, rapidjson::SizeType length, bool) { return document_.Key(text, length, true); }
  bool StartObject() { return document_.StartObject(); }
  bool EndObject(rapidjson::SizeType count) { return document_.EndObject(count); }
  bool StartArray() { return document_.StartArray(); }
  bool EndArray(rapidjson::SizeType count) { return document_.EndArray(count); }

 private:
  /// 0 or infinite, for what a double does not hold; from_chars does not say which.
  static double nearest(const char* text) {
    static const locale_t plain = ::newlocale(LC_ALL_MASK, "C", nullptr);
    return ::strtod_l(text, nullptr, plain);
  }
  bool refuse(const char* problem) {
    problem_ = problem;
    return false;
  }
  rapidjson::Document& document_;
  std::string& problem_;
};

}  // namespace

rapidjson::Document parse_json(std::string_view text) {
  const std::size_t begin = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  check_before(text, begin);
  // Strings are unescaped in place; the document gets copies of its own.
  std::string copy(text.substr(begin));
  rapidjson::InsituStringStream stream(copy.data());
  rapidjson::Reader reader;
  std::string problem;
  const auto build = [&](rapidjson::Document& into) {
    DocumentBuilder builder(into, problem);
    constexpr auto flags = rapidjson::kParseInsituFlag | rapidjson::kParseNumbersAsStringsFlag |
                           rapidjson::kParseNanAndInfFlag | rapidjson::kParseValidateEncodingFlag;
    return !reader.Parse<flags>(stream, builder).IsError();
  };
  rapidjson::Document document;
  document.Populate(build);
  if (reader.HasParseError()) {
    if (problem.empty()) problem = rapidjson::GetParseError_En(reader.GetParseErrorCode());
    throw DataError(fmt::format("not JSON: {} (at byte {})", problem, begin + reader.GetErrorOffset()));
  }
  return document;
}

std::string shown(const rapidjson::Value& value) {
  if (value.IsArray() && value.Size() > 8) return fmt::format("an array of {} values", value.Size());
  if (value.IsObject() && value.MemberCount() > 8)
    return fmt::format("an object of {} fields", value.MemberCount());
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer, rapidjson::UTF8<>, rapidjson::UTF8<>, rapidjson::CrtAllocator,
                    rapidjson::kWriteNanAndInfFlag>
      writer(buffer);
  value.Accept(writer);
  constexpr std::size_t most = 60;
  std::string text(buffer.GetString(), std::min(buffer.GetSize(), most));
  if (buffer.GetSize() > most) text.replace(most - 3, 3, "...");
  return text;
}

template <class Float>
static void append_shortest(std::string& text, Float number) {
  if (std::isnan(number)) {
    text += "NaN";
  } else if (std::isinf(number)) {
    text += number > 0 ? "Infinity" : "-Infinity";
  } else {
    const auto begin = text.size();
    fmt::format_to(std::back_inserter(text), "{}", number);
    if (text.find_first_of(".e", begin) == std::string::npos) text += ".0";
  }
}

void append_number(std::string& text, float number) { append_shortest(text, number); }
void append_number(std::string& text, double number) { append_shortest(text, number); }

void append_string(std::string& text, std::string_view value) {
  text += nlohmann::json(std::string(value)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace ringtrain
