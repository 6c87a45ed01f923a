#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/metrics/report.h"

namespace ringtrain {

/// The evaluations of a run as a person sees them go by: a row each, below a head that is shown once.
class EvaluationTable {
 public:
  /// `columns`: of the terminal; metrics that do not fit are left out.
  explicit EvaluationTable(std::size_t columns) : columns_(columns) {}
  /// The next row; before the first one, and where others are measured, with the head.
  std::string row(std::int64_t step, double epoch, double train_loss, const MetricsReport& report,
                  bool is_best);

 private:
  std::size_t columns_;
  std::vector<std::string> names_;  ///< of the metrics that the last row had
};

}  // namespace ringtrain
