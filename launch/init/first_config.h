#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/profile/column_roles.h"
#include "data/profile/table_profile.h"

namespace ringtrain {

/// What the target's values ask for.
enum class Asked { one_of_two, one_of_several, number };

/// A configuration for data that nobody has trained on yet, with the reason for each choice.
struct FirstConfig {
  std::string name, train_file, target;
  Asked asks_for = Asked::one_of_two;
  std::string target_is, task_why;
  std::vector<ColumnRole> roles;               ///< of the columns of the table, in its order
  std::vector<std::string> notes;              ///< what a person should know or look at
  std::int64_t missing_targets = 0;            ///< rows without one
  std::string missing_numbers, missing_words;  ///< what is missing, in words; "": nothing
  bool imbalanced = false;                     ///< binary: the rarer class has less than a fifth of the rows
  std::string positive;                        ///< binary: the rarer class, where it is imbalanced
  std::vector<std::int64_t> hidden;
  double dropout = 0, learning_rate = 0, weight_decay = 0;
  std::int64_t batch = 0;

  /// As task.type.
  std::string task() const;
  /// As a commented configuration.
  std::string to_yaml(const TableProfile& table) const;
  /// For a terminal.
  std::string to_table(const TableProfile& table) const;
};

/// Decides. Throws ConfigError for a target that is not there or not named (it says which are likely), and
/// DataError for one that nothing can be learned of: no or one value, fewer than 10 rows, dates, words that
/// are nearly all different; and where no column is left to learn from.
FirstConfig propose(const TableProfile& table, const std::string& target);

/// A run's name after a data file: letters, digits, '_', '-' and '.'.
std::string name_after(const Location& file);

/// The rows' power of two: rows / 64, from 16 to 1,024.
std::int64_t batch_for(std::int64_t rows);

}  // namespace ringtrain
