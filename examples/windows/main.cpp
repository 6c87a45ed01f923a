// The whole `ringtrain` command, with windows of time series and a network that reads them. See README.md.
#include "attention_model.h"
#include "ringtrain/launch/run_main.h"
#include "windows_data.h"

int main(int argc, char** argv) {
  auto catalogue = ringtrain::Catalogue::built_in();
  catalogue.add(std::make_shared<windows::WindowsKind>());
  catalogue.add(std::make_shared<windows::AttentionKind>());
  return ringtrain::run_main(argc, argv, catalogue);
}
