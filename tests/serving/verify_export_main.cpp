// verify_export FOLDER EXPECTED: the fresh process of the export's check, for tests.
#include <cstdio>
#include <exception>

#include "serving/export/exporter.h"

int main(int count, char** arguments) {
  if (count != 3) return 2;
  try {
    ringtrain::verify_export(arguments[1], arguments[2]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 6;
  }
}
