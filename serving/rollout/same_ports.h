#pragma once

#include <string>
#include <vector>

#include "serving/repository/manifest.h"

namespace ringtrain {

/// Why `candidate` cannot stand in for `live` before clients that know only that one: columns, named tensors
/// or tokens that it takes otherwise, missing values or words that it alone refuses, answers of another form
/// or of other classes. Empty: it can. `names`: such as "version 3" and "version 2".
std::vector<std::string> differences_of_ports(const Manifest& candidate, const Manifest& live,
                                              const std::string& candidate_name,
                                              const std::string& live_name);

}  // namespace ringtrain
