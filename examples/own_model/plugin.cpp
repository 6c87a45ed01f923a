// The same three kinds for a plain `ringtrain`: it opens this library where a configuration names it. See
// README.md.
#include "ringtrain/trainer/plugins/plugin.h"
#include "poisson_task.h"
#include "rides_data.h"
#include "station_model.h"

static void add(ringtrain::Catalogue& catalogue) {
  catalogue.add(std::make_shared<rides::RidesKind>());
  catalogue.add(std::make_shared<rides::StationKind>());
  catalogue.add(std::make_shared<rides::PoissonKind>());
}
RINGTRAIN_PLUGIN(add)
