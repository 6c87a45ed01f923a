#include "data/table/checked_rows.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <unordered_set>

#include "common/errors.h"
#include "common/text.h"
#include "data/table/time_column.h"

namespace ringtrain {
namespace {

WantedColumns wanted_columns(const TableConfig& config, const ColumnSelection& selection, TargetKind kind,
                             const Preprocessing* schema) {
  WantedColumns wanted{.numeric = selection.numeric,
                       .categorical = selection.categorical,
                       .key = "",
                       .reading = {.version = 2, .missing = config.csv.missing},
                       .csv = config.csv};
  if (schema) wanted.reading = schema->reading;
  if (!selection.group.empty()) wanted.categorical.push_back(selection.group);
  if (kind == TargetKind::classes)
    wanted.categorical.push_back(selection.targets.at(0));
  else
    wanted.numeric.insert(wanted.numeric.end(), selection.targets.begin(), selection.targets.end());
  if (!selection.time.empty())
    wanted.numeric.emplace_back(selection.time, selection.time, part_of_time(config, wanted.reading));
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

std::vector<bool> refused_numbers(const TableConfig& config, const ColumnSelection& selection,
                                  const Preprocessing* schema) {
  std::vector<bool> refused(selection.numeric.size(), config.missing.numeric == "error");
  for (std::size_t c = 0; schema && c < refused.size(); ++c)
    refused[c] = !schema->numeric[c].fill.has_value();
  return refused;
}

std::vector<bool> refused_words(const TableConfig& config, const ColumnSelection& selection,
                                const Preprocessing* schema) {
  std::vector<bool> refused(selection.categorical.size(), config.missing.categorical == "error");
  for (std::size_t c = 0; schema && c < refused.size(); ++c)
    refused[c] = !schema->categorical[c].takes_missing();
  return refused;
}

double number_at(const ColumnPiece& piece, std::int64_t row, std::size_t column) {
  return piece.numeric
      .const_data_ptr<double>()[row * piece.numeric.size(1) + static_cast<std::int64_t>(column)];
}

void keep_rows(ColumnPiece& piece, const std::vector<std::int64_t>& kept) {
  piece.numeric = piece.numeric.index_select(0, at::tensor(kept, at::kLong));
  for (auto& words : piece.categorical) {
    for (std::size_t i = 0; i < kept.size(); ++i) {
      const auto from = static_cast<std::size_t>(kept[i]);
      if (from != i) words[i] = std::move(words[from]);
    }
    words.resize(kept.size());
  }
}

/// A copy of some columns of numbers, [rows, count].
at::Tensor columns_of(const ColumnPiece& piece, std::size_t first, std::size_t count) {
  return piece.numeric.narrow(1, static_cast<std::int64_t>(first), static_cast<std::int64_t>(count))
      .clone(at::MemoryFormat::Contiguous);
}

}  // namespace

/// The values of a piece that could not be read: what is empty there is not missing.
class CheckedRows::BadCells {
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

CheckedRows::CheckedRows(const TableConfig& config, TargetKind kind, at::ScalarType dtype,
                         const Preprocessing* schema)
    : config_(config),
      kind_(kind),
      dtype_(dtype),
      has_schema_(schema != nullptr),
      columns_(columns_of_file(config.train_file, config.csv)),
      selection_(require_targets(
          schema ? select_columns(*schema, config, columns_) : select_columns(config, columns_), kind)),
      wanted_(wanted_columns(config, selection_, kind, schema)),
      refused_numbers_(refused_numbers(config, selection_, schema)),
      refused_words_(refused_words(config, selection_, schema)),
      problems_(config, selection_, wanted_, kind, dtype) {}

std::string CheckedRows::note() const {
  std::vector<std::string> parts;
  if (!columns_.note.empty()) parts.push_back(columns_.note);
  if (!selection_.left_out.empty()) {
    auto names = selection_.left_out;
    const auto more = names.size() > 10 ? names.size() - 10 : 0;
    names.resize(names.size() - more);
    parts.push_back(fmt::format("{} {}{} left out",
                                has_schema_ ? "columns that the model does not take:" : "index", join(names),
                                more > 0 ? fmt::format(" and {} more", more) : ""));
  }
  return join(parts, "; ");
}

void CheckedRows::raise_no_target() const {
  if (selection_.targets.size() == 1)
    throw DataError(fmt::format("{}: column '{}' (data.target) has no value in any row", config_.train_file,
                                selection_.targets[0]));
  throw DataError(fmt::format("{}: in no row have all the columns {} (data.target) a value",
                              config_.train_file, join(selection_.targets)));
}

void CheckedRows::require_good(std::int64_t bad_rows) const {
  if (config_.bad_rows != "skip") {
    if (!problems_.empty()) problems_.raise();
    return;
  }
  if (bad_rows <= config_.most_bad_rows) return;
  const auto limit =
      fmt::format("{}: {} rows cannot be used, more than data.most_bad_rows ({})", config_.train_file,
                  with_commas(bad_rows), with_commas(config_.most_bad_rows));
  if (problems_.empty()) throw DataError(limit);
  try {
    problems_.raise();
  } catch (const DataError& error) {
    throw DataError(limit + ". " + error.what());
  }
}

bool CheckedRows::take(ColumnPiece& piece, CheckedPiece& rows) {
  rows = {};
  is_bad_.assign(static_cast<std::size_t>(piece.rows()), 0);
  for (const auto& problem : piece.problems) {
    problems_.add(piece, problem);
    is_bad_[static_cast<std::size_t>(problem.row)] = 1;
    if (first_bad_.empty()) first_bad_ = problem.text;
  }
  const BadCells bad(piece);
  const bool drops = config_.missing.target == "drop", skips = config_.bad_rows == "skip";
  std::vector<std::int64_t> kept;
  for (std::int64_t row = 0; row < piece.rows(); ++row) {
    if (drops && lacks_a_target(piece, row, bad)) {
      ++dropped_;
      continue;
    }
    check_targets(piece, row, bad);
    check_weight(piece, row, bad);
    check_split(piece, row, bad);
    check_features(piece, row, bad);
    if (skips && is_bad_[static_cast<std::size_t>(row)]) {
      ++bad_;
      continue;
    }
    kept.push_back(row);
  }
  if (!skips && !problems_.empty()) return false;
  for (const auto row : kept) rows.numbers.push_back(piece.number(row));
  if (rows.rows() < piece.rows()) keep_rows(piece, kept);
  if (takes_numbers()) rows.targets = columns_of(piece, selection_.numeric.size(), selection_.targets.size());
  if (!selection_.weight.empty()) rows.weight = columns_of(piece, wanted_.numeric.size() - 1, 1).squeeze(1);
  rows.numeric = piece.numeric.narrow(1, 0, static_cast<std::int64_t>(selection_.numeric.size()));
  if (!selection_.time.empty()) {
    const at::Tensor times = columns_of(piece, time_column(), 1);
    rows.times.assign(times.const_data_ptr<double>(), times.const_data_ptr<double>() + times.numel());
  }
  rows.categorical = std::move(piece.categorical);
  const auto take_last = [&rows](std::vector<std::string>& to) {
    to = std::move(rows.categorical.back());
    rows.categorical.pop_back();
  };
  if (!takes_numbers()) take_last(rows.classes);
  if (!selection_.group.empty()) take_last(rows.groups);
  return true;
}

/// The place of target number `i` among the columns that are read.
std::size_t CheckedRows::target_column(std::size_t i) const {
  return takes_numbers() ? selection_.numeric.size() + i
                         : wanted_.numeric.size() + wanted_.categorical.size() - 1;
}

/// Behind the targets, before the weight.
std::size_t CheckedRows::time_column() const {
  return wanted_.numeric.size() - (selection_.weight.empty() ? 1 : 2);
}

bool CheckedRows::target_is_missing(const ColumnPiece& piece, std::int64_t row, std::size_t i,
                                    const BadCells& bad) const {
  const bool empty = takes_numbers() ? std::isnan(number_at(piece, row, target_column(i)))
                                     : piece.categorical.back()[static_cast<std::size_t>(row)].empty();
  return empty && !bad.has(row, target_column(i));
}

bool CheckedRows::lacks_a_target(const ColumnPiece& piece, std::int64_t row, const BadCells& bad) const {
  for (std::size_t i = 0; i < selection_.targets.size(); ++i)
    if (target_is_missing(piece, row, i, bad)) return true;
  return false;
}

void CheckedRows::report(const ColumnPiece& piece, std::int64_t row, std::size_t column, ValueState state,
                         const std::string& found) {
  problems_.add(piece, row, column, state, found);
  is_bad_[static_cast<std::size_t>(row)] = 1;
  if (first_bad_.empty()) first_bad_ = problems_.first_of(column, state);
}

void CheckedRows::check_targets(const ColumnPiece& piece, std::int64_t row, const BadCells& bad) {
  for (std::size_t i = 0; i < selection_.targets.size(); ++i) {
    if (target_is_missing(piece, row, i, bad)) report(piece, row, target_column(i), ValueState::missing, "");
    if (kind_ != TargetKind::flags) continue;
    const double value = number_at(piece, row, target_column(i));
    if (!std::isnan(value) && value != 0 && value != 1)
      report(piece, row, target_column(i), ValueState::not_a_number, fmt::format("{}", value));
  }
}

void CheckedRows::check_weight(const ColumnPiece& piece, std::int64_t row, const BadCells& bad) {
  if (selection_.weight.empty()) return;
  const auto column = wanted_.numeric.size() - 1;
  const double value = number_at(piece, row, column);
  if (std::isnan(value) && !bad.has(row, column))
    report(piece, row, column, ValueState::missing, "");
  else if (value < 0)
    report(piece, row, column, ValueState::not_a_number, fmt::format("{}", value));
}

/// A row whose part nobody knows.
void CheckedRows::check_split(const ColumnPiece& piece, std::int64_t row, const BadCells& bad) {
  if (!selection_.time.empty() && std::isnan(number_at(piece, row, time_column())) &&
      !bad.has(row, time_column()))
    report(piece, row, time_column(), ValueState::missing, "");
  const auto group = selection_.categorical.size();
  if (!selection_.group.empty() && piece.categorical[group][static_cast<std::size_t>(row)].empty() &&
      !bad.has(row, wanted_.numeric.size() + group))
    report(piece, row, wanted_.numeric.size() + group, ValueState::missing, "");
}

void CheckedRows::check_features(const ColumnPiece& piece, std::int64_t row, const BadCells& bad) {
  const auto width = static_cast<std::size_t>(piece.numeric.size(1));
  const auto* values = piece.numeric.const_data_ptr<double>() + row * static_cast<std::int64_t>(width);
  for (std::size_t column = 0; column < width; ++column) {
    const double value = values[column];
    if (std::isnan(value)) {
      if (column < refused_numbers_.size() && refused_numbers_[column] && !bad.has(row, column))
        report(piece, row, column, ValueState::missing, "");
    } else if (dtype_ == at::kFloat && std::isinf(static_cast<float>(value))) {
      report(piece, row, column, ValueState::infinite, fmt::format("{}", value));
    }
  }
  for (std::size_t c = 0; c < selection_.categorical.size(); ++c)
    if (refused_words_[c] && piece.categorical[c][static_cast<std::size_t>(row)].empty() &&
        !bad.has(row, wanted_.numeric.size() + c))
      report(piece, row, wanted_.numeric.size() + c, ValueState::missing, "");
}

}  // namespace ringtrain
