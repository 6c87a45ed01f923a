#include "data/column_stream.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/errors.h"
#include "common/text.h"
#include "data/csv_scanner.h"
#include "data/values.h"

namespace ringtrain {

struct ColumnStream::Impl {
  CsvScanner scanner;
  std::vector<std::string> numeric, categorical;
  std::size_t header_size = 0;
  std::vector<std::size_t> numeric_places, categorical_places;
  std::int64_t rows_before = 0;
  std::vector<std::string> fields;

  float number(std::size_t column, std::int64_t row, std::vector<RowProblem>& problems) const {
    const std::string& text = fields[numeric_places[column]];
    if (is_missing(text)) return NAN;
    const auto value = parse_number(text);
    if (value && std::isnan(*value)) return NAN;
    if (value && std::isfinite(static_cast<float>(*value))) return static_cast<float>(*value);
    problems.push_back({row, fmt::format("{}, column '{}': expected a {}number, got {}", place(row),
                                         numeric[column], value ? "finite " : "", excerpt(text))});
    return NAN;
  }
  std::string place(std::int64_t row) const {
    return fmt::format("row {} (line {})", with_commas(rows_before + row + 1), with_commas(scanner.line()));
  }
};

ColumnStream::ColumnStream(const std::filesystem::path& file, std::vector<std::string> numeric,
                           std::vector<std::string> categorical)
    : impl_(new Impl{.scanner = CsvScanner(file),
                     .numeric = std::move(numeric),
                     .categorical = std::move(categorical),
                     .numeric_places = {},
                     .categorical_places = {},
                     .fields = {}}) {
  const auto header = read_header(impl_->scanner, file);
  impl_->header_size = header.size();
  std::vector<std::string> lacking;
  const auto find = [&](const std::vector<std::string>& names, std::vector<std::size_t>& places) {
    for (const auto& name : names) {
      const auto found = std::find(header.begin(), header.end(), name);
      if (found == header.end()) lacking.push_back("'" + name + "'");
      places.push_back(static_cast<std::size_t>(found - header.begin()));
    }
  };
  find(impl_->numeric, impl_->numeric_places);
  find(impl_->categorical, impl_->categorical_places);
  if (!lacking.empty())
    throw DataError(fmt::format("{} lacks {} {} that the model takes; it has: {}", file.string(),
                                lacking.size() == 1 ? "the column" : "columns", join(lacking), join(header)));
}

ColumnStream::~ColumnStream() = default;

bool ColumnStream::next(Table& piece, std::vector<RowProblem>& problems, std::int64_t max_rows) {
  Impl& s = *impl_;
  problems.clear();
  const std::size_t width = s.numeric.size();
  std::vector<float> numbers;
  piece = Table{.numeric_names = s.numeric,
                .categorical_names = s.categorical,
                .numeric = {},
                .categorical = {},
                .target_name = {},
                .labels = {},
                .target = {}};
  piece.categorical.resize(s.categorical.size());
  std::int64_t rows = 0;
  for (; rows < max_rows && s.scanner.next(s.fields); ++rows) {
    if (s.fields.size() != s.header_size) {
      problems.push_back({rows, fmt::format("{} has {} fields, but the header has {}", s.place(rows),
                                            s.fields.size(), s.header_size)});
      numbers.resize(numbers.size() + width, NAN);
      for (auto& words : piece.categorical) words.emplace_back();
      continue;
    }
    for (std::size_t c = 0; c < width; ++c) numbers.push_back(s.number(c, rows, problems));
    for (std::size_t c = 0; c < s.categorical.size(); ++c) {
      const std::string& word = s.fields[s.categorical_places[c]];
      piece.categorical[c].push_back(is_missing(word) ? "" : word);
    }
  }
  s.rows_before += rows;
  piece.numeric = at::empty({rows, static_cast<std::int64_t>(width)}, at::kFloat);
  std::copy(numbers.begin(), numbers.end(), piece.numeric.mutable_data_ptr<float>());
  return rows > 0;
}

Table read_columns(const std::filesystem::path& file, const std::vector<std::string>& numeric,
                   const std::vector<std::string>& categorical, std::vector<RowProblem>& problems) {
  ColumnStream stream(file, numeric, categorical);
  Table table;
  stream.next(table, problems, std::numeric_limits<std::int64_t>::max());
  return table;
}

}  // namespace ringtrain
