#pragma once

#include <rapidjson/document.h>

#include <string>

namespace ringtrain {

/// A JSON value as it would stand in a cell of a file: texts as they are, numbers and logical values as JSON
/// writes them, "" for null; arrays and objects as JSON.
std::string cell_of(const rapidjson::Value& value);

}  // namespace ringtrain
