#pragma once

#include "launch/report/asked_model.h"

namespace ringtrain::report {

/// All that a report says of the answers and the data of a run, as the page holds it:
///   {"format": 1, "checkpoint": "hash", "model": "name", "version": 1, "step": 80, "form": "one_class",
///   "labels": [...],
///    "thresholds": [...], "complete": true, "problem": "", "parts": {"validation": measures, "test":
///    measures}, "shown": "test", "slices": …, "importance": …, "worst": …, "data": …}
/// Where nothing can be asked, `problem` says why, and the others are missing. It is kept as report.json in
/// the job folder, so that a report can be made again when the data are gone; what is there is taken where it
/// is of the same exported version and complete.
nlohmann::ordered_json findings_of(const RunRecord& record, const Catalogue& catalogue, const Effort& effort);

}  // namespace ringtrain::report
