#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/table/column_stream.h"

namespace ringtrain {

/// A column of a file, and how it can be read without loss: of a CSV file all are words; of a Parquet file
/// fractions are numbers, and what is neither number nor word (a timestamp, a list) is not read.
struct ColumnType {
  enum class Reading { words, numbers, none };
  std::string name;
  Reading reading = Reading::words;
  std::string type;  ///< as Parquet calls it
};

/// In the file's order. Throws DataError when it cannot be read.
std::vector<ColumnType> column_types(const std::filesystem::path& file);

/// By the name's ending, CSV or Parquet.
std::unique_ptr<ColumnStream> open_typed(const std::filesystem::path& file, const WantedColumns& wanted);

/// The number that a text is to training and prediction; NaN and infinity are told.
std::optional<double> number_of(const std::string& text);

}  // namespace ringtrain
