// Plugins that are refused: what is wrong is said by STRANGE.
#include <stdexcept>

#include "trainer/plugins/plugin.h"

#if STRANGE == 1  // made with another ringtrain
static void add(ringtrain::Catalogue&) {}
extern "C" const ringtrain::PluginEntry ringtrain_plugin;
const ringtrain::PluginEntry ringtrain_plugin{"ringtrain 0.0.9, LibTorch 2.11.0, std::string of C++11", add};
#elif STRANGE == 2  // throws, after it has added a kind
#include "tests/trainer/own/sentence_model.h"
static void add(ringtrain::Catalogue& catalogue) {
  catalogue.add(std::make_shared<ringtrain::test::SentenceKind>());
  throw std::runtime_error("the licence has run out");
}
RINGTRAIN_PLUGIN(add)
#else  // lacks a library
void not_there_at_all();
static void add(ringtrain::Catalogue&) { not_there_at_all(); }
RINGTRAIN_PLUGIN(add)
#endif
