#pragma once

#include <string>

#include "launch/mpirun/beacon_folder.h"
#include "launch/mpirun/launcher_output.h"

namespace ringtrain {

/// How mpirun ended.
struct MpirunEnd {
  int status = 0;  ///< of waitpid
  int ranks = 1;
  int killed_by = 0;      ///< the signal that ended a rank, by what mpirun said; 0 for none
  int first_signal = 0;   ///< that told this process to stop, and was passed on as SIGUSR1; 0 for none
  int second_signal = 0;  ///< that told it to stop at once; 0 for none
  bool stops_with_checkpoint = true;  ///< MpirunJob's

  /// The ranks' exit code; 128 + N when signal N ended one (also of an mpirun that had to be ended then), or
  /// mpirun, or was the second one, or the first one and came too early or too late for them.
  int code() const;
};

/// What has not been said yet about a failure; "" when there was none, or a rank said it.
std::string explain(const MpirunEnd& end, const LauncherOutput& output, const BeaconFolder& beacons);

}  // namespace ringtrain
