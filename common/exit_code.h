#pragma once

namespace ringtrain {

/// What a command ends with; docs/errors.md says what to do about each. A scope for plain numbers, since they
/// come from other processes too.
struct ExitCode {
  enum Value : int {
    success = 0,
    failure = 1,        ///< an unexpected error, an output that cannot be written; `doctor`: something is bad
    configuration = 2,  ///< of that, the command line or the job folder; `predict`: rows without an answer
    data = 3,           ///< they cannot be used as declared
    communication = 4,  ///< between ranks
    checkpoint = 5,     ///< missing, damaged, or another model's
    model_export = 6,   ///< not made, not equal to the model, or not to be loaded
    training = 7,       ///< a loss that is not finite
    not_better = 8,     ///< `retrain`: what was live stays so
    stopped = 75,  ///< at a signal, in order: start it again, with --resume after a checkpoint (EX_TEMPFAIL)
    signalled = 128,  ///< and the number of the signal that ended it
  };
  static constexpr int of_signal(int signal) { return signalled + signal; }
};

}  // namespace ringtrain
