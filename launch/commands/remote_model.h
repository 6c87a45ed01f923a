#pragma once

#include <filesystem>
#include <string>

namespace ringtrain {

/// A model or repository as commands take it: what is in an object store is brought to this machine, versions
/// whole and only those that are not here yet, and the folder here is returned; what is here is returned as
/// it is. `place`: BASE, BASE/NAME, BASE/NAME/VERSION, BASE/NAME@LABEL. Throws DataError, ExportError where
/// nothing is there.
std::string local_model(const std::string& place);

}  // namespace ringtrain
