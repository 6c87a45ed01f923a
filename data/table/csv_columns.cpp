#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/values.h"
#include "data/table/column_stream.h"
#include "data/table/csv_header.h"

namespace ringtrain {
namespace {

class CsvColumns : public ColumnStream {
 public:
  CsvColumns(const std::filesystem::path& file, WantedColumns wanted)
      : scanner_(file), wanted_(std::move(wanted)) {
    const auto header = read_header(scanner_);
    header_size_ = header.size();
    places_ = places_of_columns(file, header, wanted_);
  }

  bool next(ColumnPiece& piece, std::int64_t most) override {
    const auto width = wanted_.numeric.size();
    piece = {};
    piece.categorical.resize(wanted_.categorical.size());
    numbers_.clear();
    std::int64_t rows = 0;
    for (; rows < most && scanner_.next(fields_); ++rows) {
      if (fields_.size() != header_size_) {
        piece.problems.push_back({rows, fmt::format("{} has {} fields, but the header has {}", place(rows),
                                                    fields_.size(), header_size_)});
        numbers_.resize(numbers_.size() + width, NAN);
        for (auto& words : piece.categorical) words.emplace_back();
        if (!wanted_.key.empty()) piece.keys.emplace_back();
        continue;
      }
      for (std::size_t c = 0; c < width; ++c) numbers_.push_back(number(c, rows, piece.problems));
      for (std::size_t c = 0; c < wanted_.categorical.size(); ++c) {
        const std::string_view word = fields_[places_[width + c]];
        piece.categorical[c].emplace_back(is_missing(word) ? "" : word);
      }
      if (!wanted_.key.empty()) piece.keys.emplace_back(fields_[places_.back()]);
    }
    rows_before_ += rows;
    piece.numeric = at::empty({rows, static_cast<std::int64_t>(width)}, at::kFloat);
    std::copy(numbers_.begin(), numbers_.end(), piece.numeric.mutable_data_ptr<float>());
    return rows > 0;
  }

  std::int64_t skip(std::int64_t most) override {
    std::int64_t rows = 0;
    while (rows < most && scanner_.skip()) ++rows;
    rows_before_ += rows;
    return rows;
  }

  std::int64_t bytes() const override { return scanner_.bytes(); }

 private:
  float number(std::size_t column, std::int64_t row, std::vector<RowProblem>& problems) const {
    const std::string_view text = fields_[places_[column]];
    if (is_missing(text)) return NAN;
    const auto value = parse_number(text);
    if (value && std::isnan(*value)) return NAN;
    if (value && std::isfinite(static_cast<float>(*value))) return static_cast<float>(*value);
    problems.push_back({row, fmt::format("{}, column '{}': expected a {}number, got {}", place(row),
                                         wanted_.numeric[column], value ? "finite " : "", excerpt(text))});
    return NAN;
  }
  std::string place(std::int64_t row) const {
    return fmt::format("row {} (line {})", with_commas(rows_before_ + row + 1), with_commas(scanner_.line()));
  }

  CsvScanner scanner_;
  WantedColumns wanted_;
  std::size_t header_size_ = 0;
  std::vector<std::size_t> places_;  ///< numeric, categorical, the key
  std::int64_t rows_before_ = 0;
  std::vector<std::string_view> fields_;
  std::vector<float> numbers_;
};

}  // namespace

std::unique_ptr<ColumnStream> open_csv_columns(const std::filesystem::path& file, WantedColumns wanted) {
  return std::make_unique<CsvColumns>(file, std::move(wanted));
}

}  // namespace ringtrain
