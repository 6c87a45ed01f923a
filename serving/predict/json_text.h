#pragma once

#include <rapidjson/document.h>

#include <string>
#include <string_view>

namespace ringtrain {

/// Reads JSON (RFC 8259), and NaN, Infinity and -Infinity besides, as TensorFlow Serving does. Numbers are
/// rounded correctly. Throws DataError with the place: not JSON, or nested deeper than 32 levels.
rapidjson::Document parse_json(std::string_view text);

/// A value as the text of an error shows it, shortened.
std::string shown(const rapidjson::Value& value);

/// Appends a number as JSON with the fewest digits that give the same float32 again; always with a point or
/// an exponent; NaN, Infinity and -Infinity for those.
void append_number(std::string& text, float number);
void append_number(std::string& text, double number);  ///< that give the same float64 again

/// Appends a string with its quotation marks; bytes that are no UTF-8 are replaced.
void append_string(std::string& text, std::string_view value);

inline std::string_view text_of(const rapidjson::Value& value) {
  return {value.GetString(), value.GetStringLength()};
}

}  // namespace ringtrain
