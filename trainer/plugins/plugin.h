#pragma once

#include <torch/version.h>

#include "common/version.h"
#include "trainer/run_config.h"

// What a plugin must have in common with the program that opens it: classes of ringtrain and of LibTorch go
// back and forth, laid out as their headers said.
#if defined(_GLIBCXX_USE_CXX11_ABI) && _GLIBCXX_USE_CXX11_ABI == 0
#define RINGTRAIN_STRINGS "before C++11"
#else
#define RINGTRAIN_STRINGS "of C++11"
#endif
#define RINGTRAIN_MADE_WITH \
  "ringtrain " RINGTRAIN_VERSION_TEXT ", LibTorch " TORCH_VERSION ", std::string " RINGTRAIN_STRINGS

namespace ringtrain {

/// What a plugin shows.
struct PluginEntry {
  const char* made_with;              ///< RINGTRAIN_MADE_WITH, as the plugin was compiled
  void (*add)(Catalogue& catalogue);  ///< adds its kinds; what it throws refuses the plugin
};
inline constexpr const char* kPluginEntry = "ringtrain_plugin";

}  // namespace ringtrain

/// Makes a library a plugin; once, in one of its files, outside of namespaces:
///
///     void add(ringtrain::Catalogue& catalogue) { catalogue.add(std::make_shared<MyModelKind>()); }
///     RINGTRAIN_PLUGIN(add)
///
/// The library is built by ringtrain_add_plugin(NAME SOURCES...) of CMake, and named by `plugins:` in a
/// configuration or by the environment's RINGTRAIN_PLUGINS.
#define RINGTRAIN_PLUGIN(function)                                                                 \
  extern "C" __attribute__((visibility("default"))) const ringtrain::PluginEntry ringtrain_plugin; \
  const ringtrain::PluginEntry ringtrain_plugin{RINGTRAIN_MADE_WITH, function};
