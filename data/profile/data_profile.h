#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/profile/distribution.h"
#include "data/schema/preprocessing.h"
#include "data/table/table.h"

namespace ringtrain {

/// Where a schema.json keeps it.
inline constexpr const char* kProfileSection = "profile";

/// What a model learned from, column by column: a section of an export's schema.json. `ringtrain drift` holds
/// other rows against it.
struct DataProfile {
  std::int64_t rows = 0;              ///< of the training part
  std::int64_t looked_at = 0;         ///< of those: what the bins and the words are of
  std::vector<Distribution> columns;  ///< in the schema's order: the numeric ones, then the categorical ones
  std::vector<Distribution> targets;
  std::vector<Distribution> scores;  ///< of the model's answers to `scored` rows
  std::string scored;                ///< "validation" or "training"

  bool empty() const { return columns.empty(); }
  nlohmann::json to_json() const;
  /// Throws DataError for a later version, and where a field is missing or does not fit.
  static DataProfile from_json(const nlohmann::json& json);
};

/// The profile of some rows of a table, without scores: a pure function of the table and the rows. Counts,
/// missing values and ranges are of all of them; bins and words of a sample where they are many: the rows
/// whose hashed number says so, about 20,000, and fewer where there are more than 100 columns.
DataProfile profile_of(const Table& table, const std::vector<std::int64_t>& rows);

}  // namespace ringtrain
