#pragma once

#include <string>

namespace ringtrain {

/// A label's value in Prometheus's text format, version 0.0.4: backslashes, quotes and newlines are escaped.
inline std::string prometheus_label(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\' || c == '"') result += '\\';
    if (c == '\n')
      result += "\\n";
    else
      result += c;
  }
  return result;
}

}  // namespace ringtrain
