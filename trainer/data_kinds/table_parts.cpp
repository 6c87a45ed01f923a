#include "trainer/data_kinds/table_parts.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/classes.h"
#include "data/schema/excerpt.h"
#include "trainer/tasks/task.h"

namespace ringtrain {
namespace {

std::vector<std::int64_t> all_rows(const Table& table) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(table.rows()));
  std::iota(rows.begin(), rows.end(), std::int64_t{0});
  return rows;
}

/// What a schema needs to be so that another file's columns are those of `table`.
Preprocessing columns_of(const Table& table, const TableConfig& config) {
  Preprocessing schema;
  schema.reading = {.version = 2, .missing = config.csv.missing};
  schema.targets = table.target_names;
  for (const auto& field : table.numeric_names) {
    NumericColumn column;
    column.name = field.name;
    column.part = field.part;
    column.source = field.part == DatePart::none ? "" : field.column;
    if (config.missing.numeric != "error") column.fill = 0;
    schema.numeric.push_back(column);
  }
  for (const auto& name : table.categorical_names)
    schema.categorical.push_back({.name = name,
                                  .vocabulary = {},
                                  .missing_is_category = false,
                                  .missing_is_unseen = config.missing.categorical == "category"});
  return schema;
}

/// Throws DataError where no row of the training part counts.
void require_weight(const TableParts& parts, const TableConfig& config) {
  if (!parts.train.weight.defined()) return;
  const auto* weights = parts.train.weight.const_data_ptr<double>();
  const auto& rows = parts.split.train;
  if (std::any_of(rows.begin(), rows.end(), [&](std::int64_t row) { return weights[row] > 0; })) return;
  throw DataError(
      fmt::format("{}: column '{}' (data.weight) is 0 in all {} rows of the training part, so that nothing "
                  "can be learned; name another column, or leave out data.weight",
                  config.train_file, config.weight, with_commas(static_cast<long long>(rows.size()))));
}

/// A part that has a file of its own; empty where there is none.
std::optional<Table> read_part(TableConfig config, const DataRequest& request, const std::string& file,
                               const Preprocessing& schema, const std::vector<std::string>& labels) {
  if (file.empty()) return std::nullopt;
  config.train_file = file;
  auto table = read_table(config, request.task.target(), request.type, &schema);
  use_labels(table, labels, file);
  return table;
}

}  // namespace

TableParts read_parts(const TableConfig& data, const DataRequest& request) {
  const auto& fitted = request.fitted;
  TableParts parts;
  parts.train = read_table(data, request.task.target(), request.type, fitted ? &*fitted : nullptr);
  if (fitted && !fitted->labels.empty()) use_labels(parts.train, fitted->labels, data.train_file);
  if (data.validation_file.empty() && data.test_file.empty()) {
    parts.split = make_split(data.split, parts.train, request.seed);
    require_weight(parts, data);
    return parts;
  }
  const Preprocessing schema = fitted ? *fitted : columns_of(parts.train, data);
  parts.validation = read_part(data, request, data.validation_file, schema, parts.train.labels);
  parts.test = read_part(data, request, data.test_file, schema, parts.train.labels);
  parts.split.train = all_rows(parts.train);
  require_weight(parts, data);
  if (parts.validation) parts.split.validation = all_rows(*parts.validation);
  if (parts.test) parts.split.test = all_rows(*parts.test);
  return parts;
}

void refuse_unseen(const TableParts& parts, const Preprocessing& schema, const TableConfig& config) {
  std::vector<std::string> problems;
  const auto look = [&](const Table& table, const std::vector<std::int64_t>& rows, const std::string& file) {
    for (std::size_t c = 0; c < schema.categorical.size(); ++c) {
      const auto& column = schema.categorical[c];
      std::int64_t count = 0, first = 0;
      for (const auto row : rows) {
        const auto& word = table.categorical[c][static_cast<std::size_t>(row)];
        const bool seen = word.empty() ? !column.missing_is_unseen : column.knows(word);
        if (!seen && count++ == 0) first = row;
      }
      if (count > 0)
        problems.push_back(
            fmt::format("{}: row {}, column '{}': {} does not occur in the training part ({} such values)",
                        file, with_commas(table.file_row(first) + 1), column.name,
                        excerpt(table.categorical[c][static_cast<std::size_t>(first)]), with_commas(count)));
    }
  };
  look(parts.of_validation(), parts.split.validation,
       config.validation_file.empty() ? config.train_file : config.validation_file);
  look(parts.of_test(), parts.split.test, config.test_file.empty() ? config.train_file : config.test_file);
  if (!problems.empty())
    throw DataError(join(problems, "\n  ") +
                    ". Set data.unseen: other, or put such rows into the training part");
}

RowSample sample_of(const Table& table, const Preprocessing& schema, const std::vector<std::int64_t>& rows) {
  // Images are checked with fewer: a convolution takes its time.
  const std::size_t most = table.numeric_names.size() > 100 ? 64 : 512;
  RowSample sample;
  const auto count = std::min(rows.size(), most);
  std::vector<std::int64_t> chosen;
  for (std::size_t i = 0; i < count; ++i) {
    const auto place = i * rows.size() / count;
    sample.places.push_back(static_cast<std::int64_t>(place));
    chosen.push_back(rows[place]);
  }
  sample.numeric = table.numbers(chosen, schema.numeric_type());
  for (const auto& column : table.categorical) {
    auto& words = sample.categorical.emplace_back();
    for (const auto row : chosen) words.push_back(column[static_cast<std::size_t>(row)]);
  }
  return sample;
}

}  // namespace ringtrain
