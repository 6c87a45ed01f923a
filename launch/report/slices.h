#pragma once

#include "launch/report/asked_model.h"

namespace ringtrain::report {

/// Groups of rows that have one value in one column, and how well they are answered:
///   {"columns": 5, "small": 3, "all": {"loss": …, "right": …},
///    "slices": [{"column", "value", "rows", "loss", "right", "distance"}, ...]}
/// Columns: categorical ones, and numeric ones with two to ten different values. `right`: the share of right
/// classes, of one class alone. `distance`: of its mean loss from that of all rows, in standard errors; the
/// slices are sorted by it, the worst first, at most 40. Groups of less than 10 rows are left out and
/// counted.
nlohmann::ordered_json slices_of(const AskedModel& model, const AnsweredPart& part);

}  // namespace ringtrain::report
