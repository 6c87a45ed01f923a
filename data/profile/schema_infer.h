#pragma once

#include <string>
#include <vector>

#include "data/profile/data_profile.h"
#include "data/profile/table_profile.h"
#include "data/schema/data_schema.h"

namespace ringtrain {

/// What the rows that were looked at hold: types, the words of columns that have few (64 at most, each twice
/// in the mean), the ranges of numbers that do not count rows, and the share of missing values, rounded up to
/// hundredths. Columns that are not read at all are left out.
DataSchema infer_schema(const TableProfile& table);

/// What a model was trained on, by its columns and its profile (which may be empty: then without ranges and
/// targets).
DataSchema schema_of_model(const Preprocessing& preprocessing, const DataProfile& profile);

/// As an editable section of a configuration: "data:\n  schema:\n ...". `remark`: a comment above it.
std::string schema_yaml(const DataSchema& schema, const std::string& remark);

/// Lines that say how `now` differs from `then`: columns come and gone, other types, words, ranges, shares of
/// missing values. Empty: they are the same.
std::vector<std::string> schema_differences(const DataSchema& then, const DataSchema& now);

}  // namespace ringtrain
