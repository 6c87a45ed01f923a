// A job of two ranks in which rank 1 ends badly; bad_end_test.sh looks at what mpirun gives. The first
// argument says how.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "comm/agreement.h"
#include "comm/world.h"

namespace {

void run(const std::string& way) {
  using namespace ringtrain;
  if (way == "count") setenv("OMPI_COMM_WORLD_SIZE", "3", 1);
  World world;
  const bool failing = world.rank() == 1;
  if (way == "throw" && failing) throw DataError("row 7 is torn");
  if (way == "return" && failing) return;
  if (way == "abort" && failing) world.control().abort(9);
  if (way == "together")
    together(world.control(), "reading the data", [&] {
      if (failing) throw DataError("row 7 is torn");
    });
  world.control().barrier();
  world.control().barrier();
  world.close();
}

}  // namespace

int main(int, char** argv) {
  try {
    run(argv[1]);
    return 0;
  } catch (const ringtrain::PeerError& error) {
    return error.exit_code();
  } catch (const ringtrain::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return error.exit_code();
  }
}
