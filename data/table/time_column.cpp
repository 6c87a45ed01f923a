#include "data/table/time_column.h"

#include <cmath>

#include "common/errors.h"
#include "data/table/column_stream.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kRowsAtOnce = 64;

/// Of a stream of one column: whether its first value can be read.
bool first_is_good(ColumnStream& stream) {
  ColumnPiece piece;
  while (stream.next(piece, kRowsAtOnce)) {
    const auto* values = piece.numeric.const_data_ptr<double>();
    for (std::int64_t row = 0; row < piece.rows(); ++row)
      if (!std::isnan(values[row])) return piece.problems.empty() || piece.problems[0].row > row;
    if (!piece.problems.empty()) return false;
  }
  return false;
}

}  // namespace

DatePart part_of_time(const TableConfig& config, const ReadingRules& reading) {
  const auto& name = config.split.time;
  WantedColumns wanted{.numeric = {{name, name, DatePart::days}},
                       .categorical = {},
                       .key = "",
                       .reading = reading,
                       .csv = config.csv};
  try {
    return first_is_good(*open_columns(config.train_file, wanted)) ? DatePart::days : DatePart::none;
  } catch (const DataError&) {  // a Parquet column of numbers; what else is wrong is told by who reads it all
    return DatePart::none;
  }
}

}  // namespace ringtrain
