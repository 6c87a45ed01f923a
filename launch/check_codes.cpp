#include "launch/check_codes.h"

#include <fmt/format.h>

#include "common/errors.h"
#include "launch/findings_table.h"

namespace ringtrain {

CheckCode::Value code_of(const Findings& findings) {
  switch (worst_level(findings)) {
    case Finding::Level::bad:
      return CheckCode::bad;
    case Finding::Level::warning:
      return CheckCode::warnings;
    default:
      return CheckCode::good;
  }
}

int with_check_codes(const std::function<int()>& look) {
  try {
    return look();
  } catch (const Error& error) {
    if (error.exit_code() > CheckCode::bad) throw;
    throw Error(error.what(), CheckCode::not_checked);
  } catch (const std::exception& error) {
    throw Error(fmt::format("unexpected error: {}", error.what()), CheckCode::not_checked);
  }
}

}  // namespace ringtrain
