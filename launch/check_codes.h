#pragma once

namespace ringtrain {

/// What `check` ends with, a scale of its own for those who run it before each training: 1 and 2 say what was
/// found, so that what other commands end with 1 or 2 for (ExitCode) has another code here.
struct CheckCode {
  enum Value : int {
    good = 0,
    warnings = 1,
    bad = 2,
    not_checked = 64,  ///< the command line or the configuration is wrong, or an unexpected error (EX_USAGE)
  };
};

}  // namespace ringtrain
