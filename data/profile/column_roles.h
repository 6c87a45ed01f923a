#pragma once

#include <string>
#include <vector>

#include "data/profile/table_profile.h"
#include "data/schema/preprocessing.h"

namespace ringtrain {

/// What a column is to a model.
enum class Role { target, number, category, date, ignored };

struct ColumnRole {
  Role role;
  std::string why;                        ///< "3 words: red, green, blue"; "row numbers 1 to 150"
  bool warning = false;                   ///< a person should look at it
  Encoding encoding = Encoding::one_hot;  ///< of a category
};

/// A role for each column, with its reason, in the file's order.
///
/// numbers       all values are finite numbers
/// categories    words, of which there are at most 64, or 5% of the rows and 1,000; more of them are embedded
///               where each occurs four times or more in the mean, and hashed beyond 10,000
/// dates         all values are dates (data/schema/dates.h)
/// ignored       one value or none; the numbers of the rows; words, or values of a column called id, that are
///               all different or nearly so; text; more words than above; what says the target again: one to
///               one with its classes, or, of numbers, with a correlation beyond 0.9999
///
/// `classes`: the target's values are classes, not amounts.
std::vector<ColumnRole> choose_roles(const TableProfile& table, const std::string& target, bool classes);

/// Whether the last word of a name says so: id, user_id, userId, UUID, index.
bool is_called_id(const std::string& name);

}  // namespace ringtrain
