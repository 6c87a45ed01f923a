// A plugin that tests load: a model, and a task's name in its help.
#include "tests/trainer/own/sentence_model.h"
#include "trainer/plugins/plugin.h"

static void add(ringtrain::Catalogue& catalogue) {
  catalogue.add(std::make_shared<ringtrain::test::SentenceKind>());
}
RINGTRAIN_PLUGIN(add)
