#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/table.h"

namespace ringtrain {

/// The named columns of a CSV file (also .gz), without a target, piece by piece in constant memory: for
/// prediction.
///
/// A value that cannot be read (no number, infinite) becomes NaN, and a row with a wrong number of fields
/// becomes NaN and "" in all columns; each is told in `problems`. Missing values are NaN and "" without a
/// problem: the caller knows whether the model fills them.
class ColumnStream {
 public:
  /// Throws DataError when the file cannot be read, has no header, or lacks columns (all of them named).
  ColumnStream(const std::filesystem::path& file, std::vector<std::string> numeric,
               std::vector<std::string> categorical);
  ~ColumnStream();

  /// Replaces `piece` by the next rows, at most `max_rows` (numeric: float32), and `problems` by theirs:
  /// `row` counts from 0 in the piece, the text names row and line in the file, from 1. False when there are
  /// no more rows.
  bool next(Table& piece, std::vector<RowProblem>& problems, std::int64_t max_rows);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringtrain
