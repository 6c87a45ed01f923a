#include "data/table/table.h"

#include <ATen/ops/empty.h>
#include <arrow/api.h>
#include <fmt/format.h>

#include <cmath>
#include <unordered_map>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/classes.h"
#include "data/table/parquet_file.h"
#include "data/table/table_file.h"

namespace ringtrain {
namespace {

constexpr std::size_t max_classes = 1000;

/// What the values of numeric columns are, found while they are copied.
struct Seen {
  bool missing = false;
  bool infinite = false;
};

/// Copies the float64 columns [first, first + count) of `source` to the rows of `out` [rows, count].
template <class T>
Seen copy_numbers(const arrow::Table& source, int first, std::int64_t count, const at::Tensor& out) {
  Seen seen;
  T* to = out.mutable_data_ptr<T>();
  arrow::TableBatchReader batches(source);
  std::shared_ptr<arrow::RecordBatch> batch;
  while (batches.ReadNext(&batch).ok() && batch) {
    for (std::int64_t c = 0; c < count; ++c) {
      const auto& column =
          static_cast<const arrow::DoubleArray&>(*batch->column(first + static_cast<int>(c)));
      const bool has_nulls = column.null_count() > 0;
      for (std::int64_t r = 0; r < batch->num_rows(); ++r) {
        const double value = has_nulls && column.IsNull(r) ? NAN : column.Value(r);
        const T kept = static_cast<T>(value);
        if (!std::isfinite(kept)) (std::isnan(kept) ? seen.missing : seen.infinite) = true;
        to[r * count + c] = kept;
      }
    }
    to += batch->num_rows() * count;
  }
  return seen;
}

Seen copy_numbers(const arrow::Table& source, int first, std::int64_t count, const at::Tensor& out) {
  return out.scalar_type() == at::kFloat ? copy_numbers<float>(source, first, count, out)
                                         : copy_numbers<double>(source, first, count, out);
}

/// Calls `take(text)` for each row of a text column, "" for missing.
template <class Take>
void for_each_text(const arrow::ChunkedArray& column, Take take) {
  for (const auto& chunk : column.chunks()) {
    const auto& texts = static_cast<const arrow::StringArray&>(*chunk);
    for (std::int64_t r = 0; r < texts.length(); ++r)
      take(texts.IsNull(r) ? std::string_view() : texts.GetView(r));
  }
}

void read_classes(const arrow::ChunkedArray& column, const DataConfig& config, Table& table) {
  std::unordered_map<std::string_view, std::int64_t> place;
  std::vector<std::string> words;
  std::int64_t* to = table.target.mutable_data_ptr<std::int64_t>();
  for_each_text(column, [&](std::string_view text) {
    const auto [found, is_new] = place.try_emplace(text, static_cast<std::int64_t>(words.size()));
    if (is_new) words.emplace_back(text);
    *to++ = found->second;
  });
  const Classes classes = name_classes(words);
  if (classes.labels.size() > max_classes)
    throw DataError(fmt::format(
        "{}: column '{}' (data.target) has {} distinct values, more than a classification takes ({}). To "
        "predict a number, set task.type: regression",
        config.train_file, config.target, with_commas(static_cast<long long>(classes.labels.size())),
        max_classes));
  table.labels = classes.labels;
  to = table.target.mutable_data_ptr<std::int64_t>();
  for (std::int64_t r = 0; r < table.target.numel(); ++r)
    to[r] = classes.of_word[static_cast<std::size_t>(to[r])];
}

}  // namespace

std::unique_ptr<TableFile> open_table_file(const DataConfig& config) {
  return is_parquet(config.train_file) ? open_parquet_table(config) : open_csv_table(config);
}

Table read_table(const DataConfig& config, TargetKind kind, at::ScalarType dtype) {
  const auto file = open_table_file(config);
  const ColumnSelection selection = file->select();
  const auto read = file->read(selection, kind);
  const auto fail = [&](const std::string& otherwise) {
    file->throw_first_problem(selection, kind, dtype);
    throw DataError(fmt::format("{}: {}", config.train_file, otherwise));
  };
  if (!read.ok()) fail(read.status().message());
  const arrow::Table& source = **read;
  const std::int64_t rows = source.num_rows();
  const auto numeric = static_cast<std::int64_t>(selection.numeric.size());

  Table table{.numeric_names = selection.numeric,
              .categorical_names = selection.categorical,
              .numeric = at::empty({rows, numeric}, dtype),
              .categorical = {},
              .target_name = selection.target,
              .labels = {},
              .target = at::empty({rows}, kind == TargetKind::classes ? at::kLong : dtype)};
  const Seen seen = copy_numbers(source, 0, numeric, table.numeric);
  if (seen.infinite || (seen.missing && config.missing.numeric == "error"))
    fail("a number is missing or infinite");

  const int target_column = source.num_columns() - 1;
  for (int c = static_cast<int>(numeric); c < target_column; ++c) {
    const arrow::ChunkedArray& column = *source.column(c);
    if (column.null_count() > 0 && config.missing.categorical == "error") fail("a word is missing");
    auto& words = table.categorical.emplace_back();
    words.reserve(static_cast<std::size_t>(rows));
    for_each_text(column, [&](std::string_view text) { words.emplace_back(text); });
  }
  if (source.column(target_column)->null_count() > 0) fail("a target is missing");
  if (kind == TargetKind::classes) {
    read_classes(*source.column(target_column), config, table);
  } else {
    const Seen in_target = copy_numbers(source, target_column, 1, table.target);
    if (in_target.missing || in_target.infinite) fail("a target is missing or infinite");
  }
  return table;
}

}  // namespace ringtrain
