#pragma once

#include <string>
#include <vector>

namespace ringtrain::doctor {

/// One thing that was looked at.
struct Finding {
  enum class Level { good, warning, bad };
  Level level;
  std::string what;    ///< "open files"
  std::string value;   ///< what was found, with what was expected beside it
  std::string remedy;  ///< what to do; empty where it is good
};
using Findings = std::vector<Finding>;

inline Finding good(std::string what, std::string value) {
  return {Finding::Level::good, std::move(what), std::move(value), ""};
}
inline Finding warning(std::string what, std::string value, std::string remedy) {
  return {Finding::Level::warning, std::move(what), std::move(value), std::move(remedy)};
}
inline Finding bad(std::string what, std::string value, std::string remedy) {
  return {Finding::Level::bad, std::move(what), std::move(value), std::move(remedy)};
}

}  // namespace ringtrain::doctor
