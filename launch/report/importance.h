#pragma once

#include "launch/report/asked_model.h"

namespace ringtrain::report {

/// Permutation importance (Breiman 2001; Fisher, Rudin, Dominici 2019): by how much the mean loss of the
/// part's rows (at most 2,000 of them) rises where the values of one column are exchanged among the rows.
///   {"rows": 113, "shuffles": 3, "loss": 0.08, "columns": [{"column", "rise", "deviation"}, ...],
///   "left_out": 0}
/// The numbers that a date became move together. `deviation`: over the shuffles. Sorted, the largest first.
/// Of more than 200 columns nothing is asked; what the effort has no time for is left out, and counted.
nlohmann::ordered_json importance_of(const AskedModel& model, const AnsweredPart& part, const Effort& effort);

}  // namespace ringtrain::report
