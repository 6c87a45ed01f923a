#pragma once

#include <string>
#include <vector>

#include "trainer/run_config.h"

namespace ringtrain {

/// A folder to be written with a first kind of one's own: what `ringtrain new` was told.
struct NewKind {
  std::string what;      ///< model | dataset | task | callback
  std::string name;      ///< as it was typed
  std::string folder;    ///< "": after the name
  bool program = false;  ///< a program with a `main` of its own, in place of a plugin
};

/// What was written.
struct WrittenKind {
  std::string name, folder;
  std::vector<std::string> files;  ///< names in it, in the order of the alphabet
  std::string next;                ///< what to type now, a line each
};

/// Writes the folder, whole or not at all: CMakeLists.txt, a commented source, a configuration, data, a test,
/// a README; it builds against an installed ringtrain. `catalogue`: kinds whose names are taken; `program`:
/// as which this one is called. Throws ConfigError with all problems: a kind of thing that there is not, a
/// name that is none or is taken, a folder that is there.
WrittenKind write_new_kind(const NewKind& wanted, const Catalogue& catalogue, const std::string& program);

}  // namespace ringtrain
