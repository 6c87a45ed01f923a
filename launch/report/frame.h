#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace ringtrain::report {

/// A page of sections (html.h), one HTML file that asks nothing of any other place: `title` is any text,
/// `body` HTML; `json` stands in it as the script element "report-data".
std::string framed(const std::string& title, const std::string& body, const nlohmann::ordered_json& json);

}  // namespace ringtrain::report
