#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "common/errors.h"
#include "common/text.h"
#include "data/table/column_stream.h"
#include "data/table/csv_header.h"
#include "data/table/csv_number_form.h"
#include "data/table/csv_scanner.h"

namespace ringtrain {
namespace {

CsvScanner scanner_of(const Location& file, const CsvConfig& csv, const FilePart* part) {
  if (part) {
    ByteStream beginning(file);
    auto dialect = find_dialect(beginning, csv);
    dialect.sep_line = false;
    CsvScanner scanner(ByteStream(file, part->begin, part->end), dialect);
    scanner.begin_at(part->first_row + 1, part->line);
    return scanner;
  }
  if (file != "-") return CsvScanner(file, csv);
  ByteStream in(std::cin, "the standard input");
  const auto dialect = find_dialect(in, csv);
  return {std::move(in), dialect};
}

class CsvColumns : public ColumnStream {
 public:
  CsvColumns(const Location& file, WantedColumns wanted, const FilePart* part)
      : wanted_(std::move(wanted)),
        reading_(wanted_.reading),
        scanner_(scanner_of(file, wanted_.csv, part)),
        decimal_comma_(scanner_.dialect().decimal == ','),
        rows_before_(part ? part->first_row : 0) {
    const auto header = part ? header_of(file) : read_header(scanner_);
    header_size_ = header.size();
    places_ = places_of_columns(file, header, wanted_);
  }

  bool next(ColumnPiece& piece, std::int64_t most) override {
    const auto width = wanted_.numeric.size();
    piece = {};
    piece.first_row = rows_before_;
    piece.categorical.resize(wanted_.categorical.size());
    PieceProblems problems(piece, wanted_);
    numbers_.clear();
    std::int64_t rows = 0;
    for (; rows < most; ++rows) {
      const auto [there, error] = next_record();
      if (!there) break;
      piece.lines.push_back(scanner_.line());
      if (!error.empty() || fields_.size() != header_size_) {
        error.empty() ? problems.wrong_fields(rows, fields_.size(), header_size_)
                      : problems.whole_row(rows, error);
        numbers_.resize(numbers_.size() + width, NAN);
        for (auto& words : piece.categorical) words.emplace_back();
        if (!wanted_.key.empty()) piece.keys.emplace_back();
        continue;
      }
      for (std::size_t c = 0; c < width; ++c) numbers_.push_back(number(c, rows, problems));
      for (std::size_t c = 0; c < wanted_.categorical.size(); ++c) {
        auto word = reading_.word(text(width + c));
        if (word.state == ValueState::not_utf8) {
          problems.value(rows, width + c, word.state, word.text);
          word.text.clear();
        }
        piece.categorical[c].push_back(std::move(word.text));
      }
      if (!wanted_.key.empty()) piece.keys.emplace_back(fields_[places_.back()]);
    }
    rows_before_ += rows;
    piece.numeric = at::empty({rows, static_cast<std::int64_t>(width)}, at::kDouble);
    std::copy(numbers_.begin(), numbers_.end(), piece.numeric.mutable_data_ptr<double>());
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
  std::vector<std::string> header_of(const Location& file) {
    CsvScanner whole(file, wanted_.csv);
    auto header = read_header(whole);
    scanner_.name_columns(header);
    return header;
  }

  /// Whether there is a record, and what is wrong with it.
  std::pair<bool, std::string> next_record() {
    try {
      return {scanner_.next(fields_), ""};
    } catch (const CsvRecordError& error) {
      return {true, error.text};
    }
  }

  std::string_view text(std::size_t column) {
    const auto field = fields_[places_[column]];
    return decimal_comma_ ? with_point(field, buffer_) : field;
  }

  double number(std::size_t column, std::int64_t row, PieceProblems& problems) {
    const auto part = wanted_.numeric[column].part;
    const auto number = part == DatePart::none ? reading_.number(text(column))
                                               : number_of_date(fields_[places_[column]], part, reading_);
    if (number.state == ValueState::good) return number.value;
    if (number.state != ValueState::missing)
      problems.value(row, column, number.state, std::string(fields_[places_[column]]));
    return NAN;
  }

  WantedColumns wanted_;
  Reading reading_;
  CsvScanner scanner_;
  bool decimal_comma_;
  std::size_t header_size_ = 0;
  std::vector<std::size_t> places_;  ///< numeric, categorical, the key
  std::int64_t rows_before_;
  std::vector<std::string_view> fields_;
  std::vector<double> numbers_;
  std::string buffer_;
};

}  // namespace

FileColumns columns_of_csv(const Location& file, const CsvConfig& csv) {
  CsvScanner scanner(file, csv);
  auto names = read_header(scanner);
  const bool has_rows = scanner.skip();
  return {.names = std::move(names), .index = {}, .note = describe(scanner.dialect()), .has_rows = has_rows};
}

std::unique_ptr<ColumnStream> open_csv_columns(const Location& file, WantedColumns wanted,
                                               const FilePart* part) {
  return std::make_unique<CsvColumns>(file, std::move(wanted), part);
}

}  // namespace ringtrain
