#pragma once

#include <string>

#include "launch/beacon_folder.h"
#include "launch/launcher_output.h"

namespace ringtrain {

/// How mpirun ended.
struct MpirunEnd {
  int status = 0;  ///< of waitpid
  int ranks = 1;
  bool interrupted = false;  ///< this process was told to stop, and told it mpirun

  /// The ranks' exit code; 128 + N when signal N ended one, or mpirun.
  int code() const;
};

/// What has not been said yet about a failure; "" when there was none, or a rank said it.
std::string explain(const MpirunEnd& end, const LauncherOutput& output, const BeaconFolder& beacons);

}  // namespace ringtrain
