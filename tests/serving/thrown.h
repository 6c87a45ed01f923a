#pragma once

#include <string>

namespace ringtrain::test {

/// The text of the `Kind` that `call` throws; "nothing was thrown" otherwise. Errors of other types pass.
template <class Kind, class Call>
std::string thrown(const Call& call) {
  try {
    call();
  } catch (const Kind& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace ringtrain::test
