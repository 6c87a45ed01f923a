#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "launch/report/run_record.h"

namespace ringtrain::report {

/// A run as the page shows it.
struct RunView {
  RunRecord record;
  nlohmann::ordered_json findings;  ///< findings.h
  /// "cancer", or with its folder where several runs have the name.
  std::string name;
};

/// The whole page: one HTML file that asks nothing of any other place. `runs` is not empty; of several their
/// curves lie over each other, and tables compare them. Its numbers stand in it as JSON too, in the script
/// element "report-data": {"runs": [{"name", "folder", "state", "evaluations", "spent", "findings"}]}.
std::string page_of(const std::vector<RunView>& runs);

// Its parts, HTML each; "" where the runs have nothing of it.
std::string overview(const std::vector<RunView>& runs);
std::string comparison(const std::vector<RunView>& runs);
std::string curves(const std::vector<RunView>& runs);
std::string time_spent(const std::vector<RunView>& runs);
std::string ranking(const std::vector<RunView>& runs);
std::string decisions(const RunView& run);
std::string residuals(const RunView& run);
std::string behaviour(const RunView& run);
std::string slices(const RunView& run);
std::string importance(const RunView& run);
std::string worst_rows(const RunView& run);
std::string data(const RunView& run);
std::string events(const RunView& run);
std::string environment(const RunView& run);
std::string configuration(const RunView& run);

/// The measures of the part that the page shows; null where there are none.
const nlohmann::ordered_json* shown_part(const RunView& run);
/// "test part, 113 rows" or "test part, a sample of 200,000 of its 1,500,000 rows".
std::string part_text(const RunView& run);

}  // namespace ringtrain::report
