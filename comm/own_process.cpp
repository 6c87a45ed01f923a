#include "comm/own_process.h"

#include <fmt/format.h>

#include "common/errors.h"

namespace ringtrain {

void OwnProcess::require(std::string_view what) const {
  if (here()) return;
  throw CommError(
      fmt::format("{}: this is process {}, a child (fork) of process {}, which is the rank: a child has none "
                  "of the rank's connections. Communicate in process {} alone; children may read data, and "
                  "end by _exit",
                  what, ::getpid(), id_, id_));
}

}  // namespace ringtrain
