#pragma once

#include <cstdint>

namespace ringtrain {

/// Rows of a file that can be read by themselves: some of a row group of Parquet, or bytes of a CSV file that
/// begin at a row and end behind one.
struct FilePart {
  std::int64_t first_row = 0;  ///< rows of the file before them
  std::int64_t rows = 0;
  std::int64_t begin = 0, end = 0;  ///< bytes of the file that hold them, or their row group
  std::int64_t line = 1;            ///< of CSV: on which they begin, from 1
  int group = -1;                   ///< of Parquet; -1: of CSV
  std::int64_t skip = 0;            ///< rows of the row group before them
  /// Of CSV: the file as it is.
  bool is_whole() const { return group < 0 && end == 0; }
  bool operator==(const FilePart&) const = default;
};

}  // namespace ringtrain
