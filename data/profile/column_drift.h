#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/finding.h"
#include "data/profile/drift_measures.h"

namespace ringtrain::drift {

/// Values of a measure beyond which there is a warning, and beyond which it is bad.
struct Limit {
  double warning, bad;
};

/// PSI: Siddiqi 2006. Kolmogorov and Smirnov: as `ringtrain check`. The Jensen-Shannon distance: 0.1 is what
/// NannyML and Evidently begin with. The others are shares of rows.
struct Limits {
  Limit stability{0.1, 0.25}, smirnov{0.1, 0.3}, shannon{0.1, 0.3};
  Limit missing{0.05, 0.2}, unseen{0.01, 0.1}, outside{0.01, 0.1};
};

/// A measure, what chance alone makes of it, and its limits. Only what is beyond chance is judged.
struct Measure {
  std::string name;  ///< "PSI"
  double value = 0, chance = 0;
  Limit limit{0, 0};
  Finding::Level level() const;
};

/// A column then and now.
struct ColumnDrift {
  std::string name, kind;  ///< kind: "number", "word", "target", "score"
  std::vector<Measure> measures{};
  std::string remark{};   ///< what a person would like to know besides: "unseen: 'lilac' 12 times"
  std::string why_not{};  ///< it was not looked at; "" where it was
  const BesideColumn* counts = nullptr;

  Finding finding() const;
  /// `with_counts`: of all bins and words, too.
  nlohmann::ordered_json to_json(bool with_counts = true) const;
};

/// `columns`: how many are looked at in all, which share the chance of a false alarm, one in a thousand. With
/// fewer than 20 values on either side there is nothing to measure.
ColumnDrift drift_of(const BesideColumn& column, const std::string& kind, const Limits& limits,
                     std::size_t columns);

}  // namespace ringtrain::drift
