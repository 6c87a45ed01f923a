#pragma once

#include "launch/report/asked_model.h"

namespace ringtrain::report {

/// What the three parts of the data hold, each list in the order train, validation, test:
///   {"files": [...], "rows": [341, 115, 113], "dropped": 0,
///    "target": {"name", "classes": [{"name", "rows": [...]}]} or {"name", "low", "mean", "high": [...]},
///    "numeric": [{"name", "missing", "low", "mean", "high", "deviation": [...]}],
///    "categorical": [{"name", "missing", "different", "unseen": [...], "most": "text"}], "more_columns": 0}
/// At most 80 columns.
nlohmann::ordered_json data_profile_of(const AskedModel& model, const RunRecord& record);

}  // namespace ringtrain::report
