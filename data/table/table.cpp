#include "data/table/table.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/classes.h"
#include "data/schema/column_selection.h"
#include "data/table/table_problems.h"

namespace ringtrain {
namespace {

constexpr std::size_t kMostClasses = 1000;
constexpr std::int64_t kRowsAtOnce = 8192;
/// A column whose values lose this share of their deviation in float32 is kept in float64 until the training
/// part, whose deviation may be smaller, has been measured (fit.h).
constexpr double kMayBeWide = 1e-8;

WantedColumns wanted_columns(const TableConfig& config, const ColumnSelection& selection, TargetKind kind,
                             const Preprocessing* schema) {
  WantedColumns wanted{.numeric = selection.numeric,
                       .categorical = selection.categorical,
                       .key = "",
                       .reading = {.version = 2, .missing = config.csv.missing},
                       .csv = config.csv};
  if (schema) wanted.reading = schema->reading;
  if (kind == TargetKind::classes)
    wanted.categorical.push_back(selection.targets.at(0));
  else
    wanted.numeric.insert(wanted.numeric.end(), selection.targets.begin(), selection.targets.end());
  if (!selection.weight.empty()) wanted.numeric.emplace_back(selection.weight);
  return wanted;
}

/// Throws ConfigError for more targets than the task takes.
ColumnSelection require_targets(ColumnSelection selection, TargetKind kind) {
  if (kind == TargetKind::classes && selection.targets.size() > 1)
    throw ConfigError(fmt::format(
        "data.target: it names {} columns ({}), but the classes of a classification are those of "
        "one. A regression takes several columns of numbers, and a task that gives any of several "
        "labels takes several columns of 0 and 1",
        selection.targets.size(), join(selection.targets)));
  return selection;
}

/// What is missing where it must not be, by column.
struct Refused {
  std::vector<bool> numeric, categorical;
};

Refused refused_missing(const TableConfig& config, const ColumnSelection& selection,
                        const Preprocessing* schema) {
  Refused refused{
      .numeric = std::vector<bool>(selection.numeric.size(), config.missing.numeric == "error"),
      .categorical = std::vector<bool>(selection.categorical.size(), config.missing.categorical == "error")};
  if (!schema) return refused;
  for (std::size_t c = 0; c < refused.numeric.size(); ++c)
    refused.numeric[c] = !schema->numeric[c].fill.has_value();
  for (std::size_t c = 0; c < refused.categorical.size(); ++c)
    refused.categorical[c] = !schema->categorical[c].takes_missing();
  return refused;
}

/// The values of a piece that could not be read: what is empty there is not missing.
class BadCells {
 public:
  explicit BadCells(const ColumnPiece& piece) {
    for (const auto& problem : piece.problems) cells_.insert(key(problem.row, problem.column));
  }
  bool has(std::int64_t row, std::size_t column) const {
    return !cells_.empty() &&
           (cells_.contains(key(row, static_cast<int>(column))) || cells_.contains(key(row, -1)));
  }

 private:
  static std::int64_t key(std::int64_t row, int column) { return (row << 24) + column + 1; }
  std::unordered_set<std::int64_t> cells_;
};

class TableReader {
 public:
  TableReader(const TableConfig& config, TargetKind kind, at::ScalarType dtype, const Preprocessing* schema)
      : config_(config),
        kind_(kind),
        dtype_(dtype),
        columns_(columns_of_file(config.train_file, config.csv)),
        selection_(require_targets(
            schema ? select_columns(*schema, config, columns_) : select_columns(config, columns_), kind)),
        wanted_(wanted_columns(config, selection_, kind, schema)),
        refused_(refused_missing(config, selection_, schema)),
        problems_(config, selection_, wanted_, kind, dtype) {
    table_.numeric_names = selection_.numeric;
    table_.categorical_names = selection_.categorical;
    table_.target_names = selection_.targets;
    table_.categorical.resize(selection_.categorical.size());
    table_.note = note(schema);
  }

  Table read() {
    const auto stream = open_columns(config_.train_file, wanted_);
    ColumnPiece piece;
    while (stream->next(piece, kRowsAtOnce)) take(piece);
    if (!problems_.empty()) problems_.raise();
    if (rows_ == 0) raise_no_target();
    finish();
    return std::move(table_);
  }

 private:
  bool takes_numbers() const { return kind_ != TargetKind::classes; }
  bool has_weight() const { return !selection_.weight.empty(); }

  [[noreturn]] void raise_no_target() const {
    if (selection_.targets.size() == 1)
      throw DataError(fmt::format("{}: column '{}' (data.target) has no value in any row", config_.train_file,
                                  selection_.targets[0]));
    throw DataError(fmt::format("{}: in no row have all the columns {} (data.target) a value",
                                config_.train_file, join(selection_.targets)));
  }

  std::string note(const Preprocessing* schema) const {
    std::vector<std::string> parts;
    if (!columns_.note.empty()) parts.push_back(columns_.note);
    if (!selection_.left_out.empty()) {
      auto names = selection_.left_out;
      const auto more = names.size() > 10 ? names.size() - 10 : 0;
      names.resize(names.size() - more);
      parts.push_back(fmt::format("{} {}{} left out",
                                  schema ? "columns that the model does not take:" : "index", join(names),
                                  more > 0 ? fmt::format(" and {} more", more) : ""));
    }
    return join(parts, "; ");
  }

  void take(ColumnPiece& piece) {
    for (const auto& problem : piece.problems) problems_.add(piece, problem);
    const BadCells bad(piece);
    std::vector<std::int64_t> kept;
    const bool drops = config_.missing.target == "drop";
    for (std::int64_t row = 0; row < piece.rows(); ++row) {
      if (drops && lacks_a_target(piece, row, bad)) {
        ++table_.dropped_rows;
        continue;
      }
      kept.push_back(row);
    }
    check_targets(piece, kept, bad);
    check_weight(piece, kept, bad);
    check_features(piece, kept, bad);
    if (!problems_.empty()) return;  // nothing is made of them
    if (table_.dropped_rows > 0 && table_.file_rows.empty())
      for (std::int64_t row = 0; row < rows_; ++row) table_.file_rows.push_back(row);
    if (table_.dropped_rows > 0)
      for (const auto row : kept) table_.file_rows.push_back(piece.number(row));
    rows_ += static_cast<std::int64_t>(kept.size());
    if (static_cast<std::int64_t>(kept.size()) < piece.rows()) shrink(piece, kept);
    if (takes_numbers()) targets_.push_back(columns_of(piece, selection_.numeric.size(), target_count()));
    if (has_weight()) weights_.push_back(columns_of(piece, weight_column(), 1).squeeze(1));
    take_words(piece);
    pieces_.push_back(piece.numeric.narrow(1, 0, static_cast<std::int64_t>(selection_.numeric.size())));
  }

  /// A copy of some columns of numbers, [rows, count].
  static at::Tensor columns_of(const ColumnPiece& piece, std::size_t first, std::size_t count) {
    return piece.numeric.narrow(1, static_cast<std::int64_t>(first), static_cast<std::int64_t>(count))
        .clone(at::MemoryFormat::Contiguous);
  }

  std::size_t target_count() const { return selection_.targets.size(); }
  /// The place of target number `i` among the columns that are read.
  std::size_t target_column(std::size_t i) const {
    return takes_numbers() ? selection_.numeric.size() + i
                           : wanted_.numeric.size() + selection_.categorical.size();
  }
  std::size_t weight_column() const { return wanted_.numeric.size() - 1; }

  static double number_at(const ColumnPiece& piece, std::int64_t row, std::size_t column) {
    return piece.numeric
        .const_data_ptr<double>()[row * piece.numeric.size(1) + static_cast<std::int64_t>(column)];
  }

  bool target_is_missing(const ColumnPiece& piece, std::int64_t row, std::size_t i,
                         const BadCells& bad) const {
    const bool empty = takes_numbers() ? std::isnan(number_at(piece, row, target_column(i)))
                                       : piece.categorical.back()[static_cast<std::size_t>(row)].empty();
    return empty && !bad.has(row, target_column(i));
  }

  bool lacks_a_target(const ColumnPiece& piece, std::int64_t row, const BadCells& bad) const {
    for (std::size_t i = 0; i < target_count(); ++i)
      if (target_is_missing(piece, row, i, bad)) return true;
    return false;
  }

  void check_targets(const ColumnPiece& piece, const std::vector<std::int64_t>& rows, const BadCells& bad) {
    for (const auto row : rows)
      for (std::size_t i = 0; i < target_count(); ++i) {
        if (target_is_missing(piece, row, i, bad))
          problems_.add(piece, row, target_column(i), ValueState::missing, "");
        if (kind_ != TargetKind::flags) continue;
        const double value = number_at(piece, row, target_column(i));
        if (!std::isnan(value) && value != 0 && value != 1)
          problems_.add(piece, row, target_column(i), ValueState::not_a_number, fmt::format("{}", value));
      }
  }

  void check_weight(const ColumnPiece& piece, const std::vector<std::int64_t>& rows, const BadCells& bad) {
    if (!has_weight()) return;
    const auto column = weight_column();
    for (const auto row : rows) {
      const double value = number_at(piece, row, column);
      if (std::isnan(value) && !bad.has(row, column))
        problems_.add(piece, row, column, ValueState::missing, "");
      else if (value < 0)
        problems_.add(piece, row, column, ValueState::not_a_number, fmt::format("{}", value));
    }
  }

  void check_features(const ColumnPiece& piece, const std::vector<std::int64_t>& rows, const BadCells& bad) {
    const auto width = piece.numeric.size(1);
    const auto* values = piece.numeric.const_data_ptr<double>();
    for (const auto row : rows) {
      for (std::int64_t c = 0; c < width; ++c) {
        const double value = values[row * width + c];
        const auto column = static_cast<std::size_t>(c);
        if (std::isnan(value)) {
          if (column < refused_.numeric.size() && refused_.numeric[column] && !bad.has(row, column))
            problems_.add(piece, row, column, ValueState::missing, "");
        } else if (dtype_ == at::kFloat && std::isinf(static_cast<float>(value))) {
          problems_.add(piece, row, column, ValueState::infinite, fmt::format("{}", value));
        }
      }
      for (std::size_t c = 0; c < selection_.categorical.size(); ++c)
        if (refused_.categorical[c] && piece.categorical[c][static_cast<std::size_t>(row)].empty() &&
            !bad.has(row, wanted_.numeric.size() + c))
          problems_.add(piece, row, wanted_.numeric.size() + c, ValueState::missing, "");
    }
  }

  static void shrink(ColumnPiece& piece, const std::vector<std::int64_t>& kept) {
    piece.numeric = piece.numeric.index_select(0, at::tensor(kept, at::kLong));
    for (auto& words : piece.categorical) {
      for (std::size_t i = 0; i < kept.size(); ++i) {
        const auto from = static_cast<std::size_t>(kept[i]);
        if (from != i) words[i] = std::move(words[from]);
      }
      words.resize(kept.size());
    }
  }

  void take_words(ColumnPiece& piece) {
    for (std::size_t c = 0; c < table_.categorical.size(); ++c) {
      auto& to = table_.categorical[c];
      to.insert(to.end(), std::make_move_iterator(piece.categorical[c].begin()),
                std::make_move_iterator(piece.categorical[c].end()));
    }
    if (takes_numbers()) return;
    for (auto& word : piece.categorical.back()) {
      const auto [found, is_new] = class_of_word_.try_emplace(word, static_cast<std::int64_t>(words_.size()));
      if (is_new) words_.push_back(word);
      classes_.push_back(found->second);
    }
  }

  void finish() {
    finish_numbers();
    if (has_weight()) table_.weight = at::cat(weights_);
    if (takes_numbers()) {
      table_.target = at::cat(targets_).to(dtype_);
      if (kind_ == TargetKind::flags)
        table_.labels = selection_.targets;
      else if (target_count() == 1)
        table_.target = table_.target.squeeze(1);
      return;
    }
    const Classes classes = name_classes(words_, wanted_.reading.version);
    if (classes.labels.size() > kMostClasses)
      throw DataError(fmt::format(
          "{}: column '{}' (data.target) has {} distinct values, more than a classification takes ({}). To "
          "predict a number, set task.type: regression",
          config_.train_file, selection_.targets[0],
          with_commas(static_cast<long long>(classes.labels.size())), kMostClasses));
    table_.labels = classes.labels;
    table_.target = at::empty({rows_}, at::kLong);
    auto* to = table_.target.mutable_data_ptr<std::int64_t>();
    for (const auto word : classes_) *to++ = classes.of_word[static_cast<std::size_t>(word)];
  }

  /// Which columns float32 may be too narrow for.
  std::vector<bool> may_be_wide() const {
    const auto width = selection_.numeric.size();
    std::vector<double> first(width, NAN), count(width), sum(width), squares(width), lost(width);
    for (const auto& piece : pieces_) {
      const auto stride = piece.stride(0);
      const auto* values = piece.const_data_ptr<double>();
      for (std::int64_t r = 0; r < piece.size(0); ++r)
        for (std::size_t c = 0; c < width; ++c) {
          const double value = values[r * stride + static_cast<std::int64_t>(c)];
          if (std::isnan(value)) continue;
          if (std::isnan(first[c])) first[c] = value;
          const double off = value - first[c], error = value - static_cast<double>(static_cast<float>(value));
          count[c] += 1;
          sum[c] += off;
          squares[c] += off * off;
          lost[c] += error * error;
        }
    }
    std::vector<bool> wide(width);
    for (std::size_t c = 0; c < width; ++c)
      if (lost[c] > 0) {
        const double variance = squares[c] / count[c] - (sum[c] / count[c]) * (sum[c] / count[c]);
        wide[c] = lost[c] / count[c] > kMayBeWide * kMayBeWide * variance;
      }
    return wide;
  }

  void finish_numbers() {
    const auto width = static_cast<std::int64_t>(selection_.numeric.size());
    const auto wide = dtype_ == at::kFloat ? may_be_wide() : std::vector<bool>(selection_.numeric.size());
    table_.numeric = at::empty({rows_, width}, dtype_);
    table_.exact.resize(selection_.numeric.size());
    for (std::size_t c = 0; c < wide.size(); ++c)
      if (wide[c]) table_.exact[c] = at::empty({rows_}, at::kDouble);
    std::int64_t begin = 0;
    for (auto& piece : pieces_) {
      const auto rows = piece.size(0);
      table_.numeric.narrow(0, begin, rows).copy_(piece);
      for (std::size_t c = 0; c < wide.size(); ++c)
        if (wide[c])
          table_.exact[c].narrow(0, begin, rows).copy_(piece.select(1, static_cast<std::int64_t>(c)));
      begin += rows;
      piece = at::Tensor();  // the memory is that of the numbers once, not twice
    }
  }

  const TableConfig& config_;
  TargetKind kind_;
  at::ScalarType dtype_;
  FileColumns columns_;
  ColumnSelection selection_;
  WantedColumns wanted_;
  Refused refused_;
  TableProblems problems_;
  Table table_;
  std::int64_t rows_ = 0;
  std::vector<at::Tensor> pieces_, targets_, weights_;
  std::unordered_map<std::string, std::int64_t> class_of_word_;
  std::vector<std::string> words_;
  std::vector<std::int64_t> classes_;
};

}  // namespace

at::Tensor Table::numbers(const std::vector<std::int64_t>& rows, at::ScalarType type) const {
  const at::Tensor places = at::tensor(rows, at::kLong);
  at::Tensor result = numeric.index_select(0, places).to(type);
  if (type == at::kDouble)
    for (std::size_t c = 0; c < exact.size(); ++c)
      if (exact[c].defined())
        result.select(1, static_cast<std::int64_t>(c)).copy_(exact[c].index_select(0, places));
  return result;
}

Table read_table(const TableConfig& config, TargetKind kind, at::ScalarType dtype,
                 const Preprocessing* schema) {
  return TableReader(config, kind, dtype, schema).read();
}

}  // namespace ringtrain
