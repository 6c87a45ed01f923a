#pragma once

#include <map>
#include <string>

namespace ringtrain {

/// "0.1.0".
std::string version();

/// The libraries that this build uses, by name: LibTorch, MPI, backends.
std::map<std::string, std::string> library_versions();

/// What `ringtrain --version` prints.
std::string version_text();

}  // namespace ringtrain
