// The whole `ringtrain` command with a kind more. Kinds of other files are added here too.
#include "ringtrain/launch/run_main.h"
#include "your_name.h"

int main(int argc, char** argv) {
  auto catalogue = ringtrain::Catalogue::built_in();
  catalogue.add(std::make_shared<your_name_kind::YourNameKind>());
  return ringtrain::run_main(argc, argv, catalogue);
}
