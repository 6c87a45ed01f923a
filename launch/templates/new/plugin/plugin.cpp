// What `ringtrain` opens where a configuration says `plugins:`. Kinds of other files are added here too.
#include "ringtrain/trainer/plugins/plugin.h"
#include "your_name.h"

static void add(ringtrain::Catalogue& catalogue) {
  catalogue.add(std::make_shared<your_name_kind::YourNameKind>());
}
RINGTRAIN_PLUGIN(add)
