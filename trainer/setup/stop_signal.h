#pragma once

namespace ringtrain {

/// SIGTERM, SIGINT and SIGUSR1 set a flag, no more; the ranks agree on the step at which they stop. The first
/// SIGINT is answered with a line on the standard error; a second one (ReceivedSignals) ends at once.
class StopSignal {
 public:
  /// Installs the handlers; the destructor brings the old ones back. One at a time.
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;
  bool caught() const;
  /// From here on as if SIGUSR1 had come.
  void pretend() const;
};

}  // namespace ringtrain
