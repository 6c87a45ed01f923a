#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "common/finding.h"

namespace ringtrain {

struct TableLook {
  bool colour = false;    ///< for a terminal
  std::size_t width = 0;  ///< of a line, which is broken between words; 0: as long as they are
};

/// A table of the findings, remedies below what is not good, and the sum. Ends with a newline.
std::string findings_table(const Findings& findings, const TableLook& look = {});
/// [{"level": "good" | "warning" | "bad" | "skipped", "what", "value", "remedy"}].
nlohmann::ordered_json findings_json(const Findings& findings);
/// The worst of good, warning and bad; good where there is none.
Finding::Level worst_level(const Findings& findings);

}  // namespace ringtrain
