#pragma once

#include <string>
#include <vector>

#include "trainer/run_config.h"

namespace ringtrain {

/// Opens the library `file` and adds its kinds (trainer/plugins/plugin.h). A name without '/' that is no file
/// here is searched where the dynamic linker looks. One that `catalogue` has already is left. It is never
/// closed: its kinds may live as long as the process. Throws ConfigError with what does not fit and what to
/// do.
void add_plugin(const std::string& file, Catalogue& catalogue);

/// The files of the environment's RINGTRAIN_PLUGINS, separated by ':'.
std::vector<std::string> plugins_of_environment();

/// Each plugin with its content's hash: what all ranks must agree on.
std::string plugins_text(const std::vector<PluginFile>& plugins);

}  // namespace ringtrain
