#pragma once

#include <functional>

#include "common/finding.h"

namespace ringtrain {

/// What `check` and `drift` end with, a scale of its own for those who run them before each training: 1 and 2
/// say what was found, so that what other commands end with 1 or 2 for (ExitCode) has another code here.
struct CheckCode {
  enum Value : int {
    good = 0,
    warnings = 1,
    bad = 2,
    not_checked = 64,  ///< the command line or the configuration is wrong, or an unexpected error (EX_USAGE)
  };
};

/// By the worst of the findings.
CheckCode::Value code_of(const Findings& findings);

/// What `look` returns. What it throws with codes 1 and 2, and what is no Error, is thrown with not_checked.
int with_check_codes(const std::function<int()>& look);

}  // namespace ringtrain
