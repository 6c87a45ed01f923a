#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "data/blocks/moments.h"
#include "data/blocks/row_split.h"
#include "data/schema/fitted_columns.h"
#include "data/table/checked_rows.h"

namespace ringtrain {

/// What the rows of a block, or of some blocks, tell: counts of all parts, and of the training part all that
/// fitting needs.
struct BlockStatistics {
  /// A column of numbers: as it is, and as float32 holds it.
  struct Numeric {
    Moments exact, rounded;
    double lost = 0;  ///< the sum of the squares of what rounding loses
  };
  std::array<std::int64_t, 3> rows{};
  std::vector<std::int64_t> classes;  ///< rows of the training part
  std::vector<Numeric> numeric;
  std::vector<Moments> targets;
  double highest_weight = 0;

  BlockStatistics() = default;
  BlockStatistics(std::size_t classes, std::size_t numeric, std::size_t targets);
  /// Adds rows; `parts` and `row_classes`: [rows] of each.
  void add(const CheckedPiece& piece, const std::vector<SplitPart>& parts,
           const std::vector<std::int64_t>& row_classes);
  /// Adds the rows of the block that follows.
  void join(const BlockStatistics& next);
  /// All of it as numbers, and back; how many they are follows from the sizes of the lists.
  std::vector<double> to_numbers() const;
  void read_numbers(const double* numbers);
  std::size_t count_numbers() const;
};

/// The words of categorical columns on the training rows of some blocks; and where they are asked for, those
/// of the other parts, each with its first row.
class BlockWords {
 public:
  BlockWords(std::vector<std::string> names, std::vector<Encoding> encodings, bool of_other_parts);
  /// Throws DataError where a column has more words than its encoding takes.
  void add(const CheckedPiece& piece, const std::vector<SplitPart>& parts);
  std::string to_text() const;
  void add_text(const std::string& text);
  std::vector<FittedColumns::Categorical> columns() const;
  /// [columns] of the other parts: word and first row, by row; a missing one is "".
  std::vector<std::vector<std::pair<std::string, std::int64_t>>> others() const;

 private:
  std::vector<std::string> names_;
  std::vector<Encoding> encodings_;
  std::vector<std::unordered_map<std::string, std::int64_t>> words_;
  std::vector<char> has_missing_;
  bool of_other_parts_;
  std::vector<std::map<std::string, std::int64_t>> others_;
};

}  // namespace ringtrain
