#include "data/profile/schema_check.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_set>

#include "common/text.h"
#include "data/profile/column_types.h"
#include "data/schema/excerpt.h"
#include "data/table/column_stream.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kRowsAtOnce = 8192;

/// Violations by column and rule, in the order in which they were made.
class Violations {
 public:
  Violation& of(const std::string& column, const std::string& rule, bool of_rows = true) {
    const auto [found, is_new] = places_.try_emplace({column, rule}, all_.size());
    if (is_new)
      all_.push_back({.column = column, .rule = rule, .count = 0, .examples = {}, .of_rows = of_rows});
    return all_[found->second];
  }
  void add(const std::string& column, const std::string& rule, std::int64_t row, const std::string& value) {
    auto& one = of(column, rule);
    ++one.count;
    if (one.examples.size() < Violation::kExamples) one.examples.push_back({row, value});
  }
  std::vector<Violation> in_order(const DataSchema& schema) {
    const auto place = [&](const Violation& one) {
      const auto* const column = schema.find(one.column);
      return column ? column - schema.columns.data() : -1;
    };
    std::stable_sort(all_.begin(), all_.end(),
                     [&](const Violation& a, const Violation& b) { return place(a) < place(b); });
    return std::move(all_);
  }

 private:
  std::map<std::pair<std::string, std::string>, std::size_t> places_;
  std::vector<Violation> all_;
};

std::string range_rule(const SchemaColumn& column) {
  return fmt::format("outside [{:g}, {:g}]", column.range[0], column.range[1]);
}

/// The columns of a schema that a file has, as they are read.
class HeldColumns {
 public:
  HeldColumns(const DataSchema& schema, const Location& place, const CsvConfig& csv, Violations& violations)
      : violations_(violations) {
    wanted_.reading = {.version = 2, .missing = csv.missing};
    wanted_.csv = csv;
    const auto types = column_types(place);
    for (const auto& column : schema.columns) {
      const auto found = std::find_if(types.begin(), types.end(),
                                      [&](const ColumnType& type) { return type.name == column.name; });
      if (found == types.end())
        violations.of(column.name, "is not in the data", false);
      else if (const auto type = other_type(column, *found); !type.empty())
        violations.of(column.name, fmt::format("holds {} there, expected {}", type, column.type), false);
      else
        want(column);
    }
  }

  const WantedColumns& wanted() const { return wanted_; }
  bool empty() const { return numbers_.empty() && words_.empty(); }

  void hold(const ColumnPiece& piece, const std::function<void(const BadRow&)>& on_bad_row,
            std::vector<std::int64_t>& bad_rows) {
    why_.clear();
    unread_.clear();
    for (const auto& problem : piece.problems) take(piece, problem);
    for (std::size_t c = 0; c < numbers_.size(); ++c) hold_numbers(piece, c);
    for (std::size_t c = 0; c < words_.size(); ++c) hold_words(piece, c);
    for (const auto& [row, reasons] : why_) {
      bad_rows.push_back(piece.number(row));
      if (on_bad_row) on_bad_row({piece.number(row), values(piece, row), join(reasons, "; ")});
    }
    rows_ += piece.rows();
  }

  /// After the last piece.
  void require_present() {
    const auto look = [&](const SchemaColumn& column, std::int64_t missing) {
      if (rows_ == 0) return;
      const double share = static_cast<double>(missing) / static_cast<double>(rows_);
      if (share <= column.missing) return;
      auto& one = violations_.of(
          column.name, fmt::format("without a value, {:.4g} of all, more than {:g}", share, column.missing),
          false);
      one.count = missing;
    };
    for (std::size_t c = 0; c < numbers_.size(); ++c) look(*numbers_[c], missing_numbers_[c]);
    for (std::size_t c = 0; c < words_.size(); ++c) look(*words_[c], missing_words_[c]);
  }
  std::int64_t rows() const { return rows_; }

 private:
  /// What Parquet says of a column that it cannot be; "" where it can.
  static std::string other_type(const SchemaColumn& column, const ColumnType& type) {
    const bool text = type.type == "string" || type.type == "large_string";
    if (type.kind == ColumnType::Kind::none) return type.type;
    if (type.kind == ColumnType::Kind::dates && column.type != "date") return "dates (" + type.type + ")";
    if (column.takes_numbers() && text) return "text";
    if (column.type == "date" && type.kind == ColumnType::Kind::words && !type.type.empty() && !text)
      return type.type;
    return "";
  }

  void want(const SchemaColumn& column) {
    if (column.type == "word") {
      wanted_.categorical.push_back(column.name);
      words_.push_back(&column);
      missing_words_.push_back(0);
      domains_.emplace_back(column.domain.begin(), column.domain.end());
      return;
    }
    wanted_.numeric.emplace_back(column.name, column.name,
                                 column.type == "date" ? DatePart::days : DatePart::none);
    numbers_.push_back(&column);
    missing_numbers_.push_back(0);
  }

  void broken(const ColumnPiece& piece, std::int64_t row, const std::string& column, const std::string& rule,
              const std::string& value) {
    violations_.add(column, rule, piece.number(row), value);
    why_[row].push_back(fmt::format("column '{}': {}{}", column, rule, value.empty() ? "" : ": " + value));
  }

  /// A value, or a row, that cannot be read.
  void take(const ColumnPiece& piece, const RowProblem& problem) {
    unread_.insert(problem.row);
    const auto column = static_cast<std::size_t>(problem.column);
    if (problem.column < 0) {
      violations_.add("", "rows that cannot be read", piece.number(problem.row), problem.text);
      why_[problem.row].push_back(problem.text);
      return;
    }
    const auto& which = column < numbers_.size() ? *numbers_[column] : *words_[column - numbers_.size()];
    constexpr std::string_view kGot = ", got ";
    const auto got = problem.text.rfind(kGot);
    const auto value = got == std::string::npos ? problem.text : problem.text.substr(got + kGot.size());
    broken(piece, problem.row, which.name,
           which.type == "date"    ? "no date"
           : which.takes_numbers() ? "no finite number"
                                   : "cannot be read",
           value);
  }

  void hold_numbers(const ColumnPiece& piece, std::size_t c) {
    const auto& column = *numbers_[c];
    const auto width = static_cast<std::int64_t>(numbers_.size());
    const auto numeric = piece.numeric.contiguous();
    const auto* const values = numeric.const_data_ptr<double>();
    for (std::int64_t row = 0; row < piece.rows(); ++row) {
      const double value = values[row * width + static_cast<std::int64_t>(c)];
      if (std::isnan(value)) {
        missing_numbers_[c] += !unread_.contains(row);
        continue;
      }
      if (column.type == "whole" && std::trunc(value) != value)
        broken(piece, row, column.name, "no whole number", fmt::format("{:g}", value));
      if (!column.range.empty() && (value < column.range[0] || value > column.range[1]))
        broken(piece, row, column.name, range_rule(column), fmt::format("{:.10g}", value));
    }
  }

  void hold_words(const ColumnPiece& piece, std::size_t c) {
    const auto& column = *words_[c];
    const auto rule = fmt::format("none of its {} words", domains_[c].size());
    for (std::int64_t row = 0; row < piece.rows(); ++row) {
      const auto& word = piece.categorical[c][static_cast<std::size_t>(row)];
      if (word.empty())
        missing_words_[c] += !unread_.contains(row);
      else if (!domains_[c].empty() && !domains_[c].contains(word))
        broken(piece, row, column.name, rule, excerpt(word));
    }
  }

  std::vector<std::pair<std::string, std::string>> values(const ColumnPiece& piece, std::int64_t row) const {
    std::vector<std::pair<std::string, std::string>> all;
    for (std::size_t c = 0; c < numbers_.size(); ++c) {
      const double value = piece.numeric[row][static_cast<std::int64_t>(c)].item<double>();
      all.emplace_back(numbers_[c]->name, std::isnan(value)             ? ""
                                          : numbers_[c]->type == "date" ? text_of_days(value)
                                                                        : fmt::format("{}", value));
    }
    for (std::size_t c = 0; c < words_.size(); ++c)
      all.emplace_back(words_[c]->name, piece.categorical[c][static_cast<std::size_t>(row)]);
    return all;
  }

  Violations& violations_;
  WantedColumns wanted_;
  std::vector<const SchemaColumn*> numbers_, words_;
  std::vector<std::unordered_set<std::string>> domains_;
  std::vector<std::int64_t> missing_numbers_, missing_words_;
  std::map<std::int64_t, std::vector<std::string>> why_;  // by row of the piece
  std::unordered_set<std::int64_t> unread_;
  std::int64_t rows_ = 0;
};

}  // namespace

std::string Violation::text() const {
  std::vector<std::string> shown;
  for (const auto& example : examples)
    shown.push_back(fmt::format("row {}: {}", with_commas(example.row + 1), example.value));
  const auto more = static_cast<std::int64_t>(examples.size()) < count && !examples.empty() ? ", ..." : "";
  if (column.empty()) return fmt::format("{} {}: {}{}", with_commas(count), rule, join(shown), more);
  const auto what =
      count > 0 ? fmt::format("{} row{} {}", with_commas(count), count == 1 ? "" : "s", rule) : rule;
  return fmt::format("column '{}': {}{}{}{}", column, what, shown.empty() ? "" : ": ", join(shown), more);
}

std::string SchemaReport::text() const {
  std::vector<std::string> lines;
  for (const auto& violation : violations) lines.push_back(violation.text());
  return join(lines, "\n");
}

SchemaReport hold_against(const DataSchema& schema, const Location& place, const CsvConfig& csv,
                          const std::function<void(const BadRow&)>& on_bad_row) {
  SchemaReport report;
  Violations violations;
  HeldColumns columns(schema, place, csv, violations);
  if (!columns.empty()) {
    const auto stream = open_columns(place, columns.wanted());
    ColumnPiece piece;
    while (stream->next(piece, kRowsAtOnce)) columns.hold(piece, on_bad_row, report.bad_rows);
    columns.require_present();
  }
  report.rows = columns.rows();
  report.violations = violations.in_order(schema);
  return report;
}

}  // namespace ringtrain
