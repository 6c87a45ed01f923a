#include "serving/json_text.h"

#include <fmt/format.h>
#include <rapidjson/error/en.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "common/errors.h"

namespace ringtrain {
namespace {

constexpr int kMostLevels = 32;

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
/// the document recurse too far; the second half of a pair without the first one, which is no UTF-8; NaN.5
/// and NaNe5, where it reads digits that are not there.
void check_before(std::string_view text) {
  if (const auto zero = text.find('\0'); zero != std::string_view::npos)
    throw DataError(fmt::format("not JSON: it holds a byte 0 (at byte {})", zero));
  int level = 0;
  bool quoted = false;
  std::size_t after_first = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
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
    } else if ((c == '.' || c == 'e' || c == 'E') && i > 0 && std::strchr("Nfy", text[i - 1])) {
      throw DataError(fmt::format("not JSON: NaN and Infinity end there (at byte {})", i));
    }
  }
}

}  // namespace

rapidjson::Document parse_json(std::string_view text) {
  check_before(text);
  rapidjson::Document document;
  document.Parse<rapidjson::kParseFullPrecisionFlag | rapidjson::kParseNanAndInfFlag |
                 rapidjson::kParseValidateEncodingFlag>(text.data(), text.size());
  if (document.HasParseError())
    throw DataError(fmt::format("not JSON: {} (at byte {})",
                                rapidjson::GetParseError_En(document.GetParseError()),
                                document.GetErrorOffset()));
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

void append_number(std::string& text, float number) {
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

void append_string(std::string& text, std::string_view value) {
  text += nlohmann::json(std::string(value)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace ringtrain
