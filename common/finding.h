#pragma once

#include <string>
#include <utility>
#include <vector>

namespace ringtrain {

/// One thing that was looked at, for a person: what `doctor` and `check` print.
struct Finding {
  enum class Level { good, warning, bad, skipped };
  Level level;
  std::string what;    ///< "open files"
  std::string value;   ///< what was found, with what was expected beside it
  std::string remedy;  ///< what to do; empty where it is good, or was not looked at
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
/// `why`: it was not looked at.
inline Finding skipped(std::string what, std::string why) {
  return {Finding::Level::skipped, std::move(what), std::move(why), ""};
}

}  // namespace ringtrain
