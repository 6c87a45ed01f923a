#include "serving/json_text.h"

#include <fmt/format.h>
#include <rapidjson/error/en.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "common/errors.h"

namespace ringtrain {
namespace {

constexpr int kMostLevels = 32;

/// Readers of the document recurse: what is nested deeply is refused before.
void require_shallow(std::string_view text) {
  int level = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
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

}  // namespace

rapidjson::Document parse_json(std::string_view text) {
  require_shallow(text);
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
