// The whole `ringtrain` command, with three kinds more. See README.md.
#include "poisson_task.h"
#include "rides_data.h"
#include "ringtrain/launch/run_main.h"
#include "station_model.h"

int main(int argc, char** argv) {
  auto catalogue = ringtrain::Catalogue::built_in();
  catalogue.add(std::make_shared<rides::RidesKind>());
  catalogue.add(std::make_shared<rides::StationKind>());
  catalogue.add(std::make_shared<rides::PoissonKind>());
  return ringtrain::run_main(argc, argv, catalogue);
}
