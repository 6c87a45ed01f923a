#pragma once

#include <string>

namespace ringtrain {

/// The name of a kind that stands for what was typed: TwoTowers and two-towers are two_towers. What cannot
/// stand in a name stays as it is, for `problem_of_name`.
std::string kind_name(const std::string& typed);

/// Why this is no name for a kind, or ""; to stand behind what was typed.
std::string problem_of_name(const std::string& name);

/// TwoTowers of two_towers.
std::string class_name(const std::string& name);

}  // namespace ringtrain
