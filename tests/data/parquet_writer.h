#pragma once

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>

#include <filesystem>
#include <string>
#include <vector>

namespace ringtrain::testing {

inline std::shared_ptr<arrow::Array> doubles(const std::vector<double>& values,
                                             const std::vector<bool>& valid = {}) {
  arrow::DoubleBuilder builder;
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_TRUE((valid.empty() || valid[i] ? builder.Append(values[i]) : builder.AppendNull()).ok());
  return builder.Finish().ValueOrDie();
}

/// "" becomes null.
inline std::shared_ptr<arrow::Array> words(const std::vector<std::string>& values) {
  arrow::StringBuilder builder;
  for (const auto& value : values)
    EXPECT_TRUE((value.empty() ? builder.AppendNull() : builder.Append(value)).ok());
  return builder.Finish().ValueOrDie();
}

inline std::shared_ptr<arrow::Array> integers(const std::vector<std::int64_t>& values) {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return builder.Finish().ValueOrDie();
}

/// In groups of `rows`.
inline std::filesystem::path write_parquet(const std::filesystem::path& file, const arrow::Table& table,
                                           std::int64_t rows) {
  const auto out = arrow::io::FileOutputStream::Open(file).ValueOrDie();
  EXPECT_TRUE(parquet::arrow::WriteTable(table, arrow::default_memory_pool(), out, rows).ok());
  EXPECT_TRUE(out->Close().ok());
  return file;
}

}  // namespace ringtrain::testing
