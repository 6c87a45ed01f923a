#include "serving/log/json_cell.h"

#include <fmt/format.h>

#include "serving/predict/json_text.h"

namespace ringtrain {

static void append_json(std::string& text, const rapidjson::Value& value) {
  if (value.IsString()) return append_string(text, text_of(value));
  text += value.IsNull() ? "null" : cell_of(value);
}

std::string cell_of(const rapidjson::Value& value) {
  if (value.IsNull()) return "";
  if (value.IsString()) return std::string(text_of(value));
  if (value.IsBool()) return value.GetBool() ? "true" : "false";
  if (value.IsInt64()) return std::to_string(value.GetInt64());
  if (value.IsUint64()) return std::to_string(value.GetUint64());
  if (value.IsNumber()) return fmt::format("{}", value.GetDouble());
  std::string text = value.IsArray() ? "[" : "{";
  const auto separate = [&text] {
    if (text.size() > 1) text += ',';
  };
  if (value.IsArray()) {
    for (const auto& one : value.GetArray()) {
      separate();
      append_json(text, one);
    }
    return text + ']';
  }
  for (const auto& [name, one] : value.GetObject()) {
    separate();
    append_string(text, text_of(name));
    text += ':';
    append_json(text, one);
  }
  return text + '}';
}

}  // namespace ringtrain
