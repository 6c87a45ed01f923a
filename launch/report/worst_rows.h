#pragma once

#include "launch/report/asked_model.h"

namespace ringtrain::report {

/// The twenty rows with the largest losses, the worst first:
///   {"columns": ["V1", ...], "more_columns": 0,
///    "rows": [{"row": 17, "loss": 3.2, "target": "fraud", "answer": "no", "score": 0.04, "values": [...]}]}
/// `row`: in its file, from 1. `score`: the probability of the target's class. Twelve columns at most, those
/// first that `importance` (importance.h) names first.
nlohmann::ordered_json worst_rows_of(const AskedModel& model, const AnsweredPart& part,
                                     const nlohmann::ordered_json& importance);

}  // namespace ringtrain::report
