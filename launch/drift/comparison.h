#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/finding.h"
#include "data/profile/column_drift.h"
#include "data/profile/data_profile.h"
#include "launch/drift/error_course.h"
#include "launch/drift/skew.h"

namespace ringtrain::drift {

struct Request {
  const Predictor& predictor;
  const Catalogue& catalogue;
  std::string data;
  std::string reference{};  ///< rows to compare with; "": the profile that the export has
  std::int64_t window = 0;  ///< rows; 0: a tenth
  Limits limits{};
  std::vector<double> logged{};  ///< the answers to these rows that a server logged (SkewReader)
};

/// Rows held against what a model learned from.
struct Comparison {
  std::string model, data, reference;  ///< reference: "" for the export's profile
  DataProfile profile;
  std::vector<std::unique_ptr<BesideColumn>> beside;  ///< of `profile`
  std::vector<ColumnDrift> columns;                   ///< inputs, target where the rows have it, scores
  std::optional<ErrorCourse> course;
  Skew skew;
  std::int64_t rows = 0, refused = 0;
  std::string first_refusal;

  /// Of each column, in the model's order, then the target, the scores, the error.
  Findings findings() const;
  nlohmann::ordered_json to_json() const;
};

/// Throws DataError for files that cannot be read or have no rows; ConfigError where the export has no
/// profile and no reference is given, and for a model that reads no columns.
Comparison compare(const Request& request, const std::function<void(const ModelRows&)>& progress = {});

}  // namespace ringtrain::drift
