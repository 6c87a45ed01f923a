#include "data/table/table_problems.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/excerpt.h"

namespace ringtrain {
namespace {

constexpr std::size_t kMostColumns = 20;

std::string counted(std::int64_t count, const char* what) {
  return fmt::format("{} more {}{}", with_commas(count), what, count == 1 ? "" : "s");
}

/// A name as YAML's flow style has it.
std::string yaml_name(const std::string& name) {
  const bool plain =
      !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") ==
          std::string::npos;
  constexpr std::string_view words[] = {"y", "n", "yes", "no", "true", "false", "on", "off", "null", "nan"};
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (plain && std::find(std::begin(words), std::end(words), lower) == std::end(words)) return name;
  std::string text = "'";
  for (const char c : name) text += c == '\'' ? std::string("''") : std::string(1, c);
  return text + "'";
}

std::string yaml_list(const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  for (const auto& name : names) quoted.push_back(yaml_name(name));
  return "[" + join(quoted) + "]";
}

}  // namespace

TableProblems::TableProblems(const TableConfig& config, const ColumnSelection& selection,
                             const WantedColumns& wanted, TargetKind kind, at::ScalarType dtype)
    : config_(config), selection_(selection), wanted_(wanted), kind_(kind), dtype_(dtype) {}

bool TableProblems::Tally::add(std::int64_t at) {
  if (count++ > 0 && row <= at) return false;
  row = at;
  return true;
}

bool TableProblems::is_target(std::size_t column) const {
  const auto numeric = wanted_.numeric.size();
  if (kind_ == TargetKind::classes) return column + 1 == numeric + wanted_.categorical.size();
  const auto first = selection_.numeric.size();
  return column >= first && column < first + selection_.targets.size();
}

bool TableProblems::is_weight(std::size_t column) const {
  return !selection_.weight.empty() && column + 1 == wanted_.numeric.size();
}

bool TableProblems::is_group(std::size_t column) const {
  return !selection_.group.empty() && column == wanted_.numeric.size() + selection_.categorical.size();
}

bool TableProblems::is_time(std::size_t column) const {
  return !selection_.time.empty() && column + (selection_.weight.empty() ? 1 : 2) == wanted_.numeric.size();
}

/// What a number of a column is, where it is not just any; "" else.
std::string TableProblems::expected_of(std::size_t column, ValueState state) const {
  const bool other_number =
      state == ValueState::not_a_number || state == ValueState::infinite || state == ValueState::inexact;
  if (!other_number) return "";
  if (is_weight(column)) return "expected a finite number from 0 on";
  if (!is_target(column) || kind_ == TargetKind::classes) return "";
  if (kind_ == TargetKind::flags) return "expected 0 or 1";
  return state == ValueState::not_a_number ? "expected a number as target of a regression" : "";
}

std::string TableProblems::name_of(std::size_t column) const {
  const auto numeric = wanted_.numeric.size();
  return column < numeric ? wanted_.numeric[column].column : wanted_.categorical[column - numeric];
}

std::string TableProblems::place_of(const ColumnPiece& piece, std::int64_t row, std::size_t column) const {
  return fmt::format("{}, column '{}': ", piece.place(row), name_of(column));
}

void TableProblems::add(const ColumnPiece& piece, const RowProblem& problem) {
  const auto column = static_cast<std::size_t>(problem.column);
  auto& tally = problem.column < 0 ? rows_ : columns_[column][problem.state];
  if (!tally.add(piece.number(problem.row))) return;
  tally.first = problem.text;
  const auto expected = problem.column < 0 ? "" : expected_of(column, problem.state);
  if (expected.empty()) return;
  const auto begin = place_of(piece, problem.row, column).size();
  tally.first.replace(begin, tally.first.find(", got ", begin) - begin, expected);
}

void TableProblems::add(const ColumnPiece& piece, std::int64_t row, std::size_t column, ValueState state,
                        const std::string& found) {
  auto& tally = columns_[column][state];
  if (!tally.add(piece.number(row))) return;
  const auto place = place_of(piece, row, column);
  if (state == ValueState::infinite)
    tally.first = place + "expected a finite number that float32 can hold, got " + excerpt(found);
  else if (state != ValueState::missing)
    tally.first = place + expected_of(column, state) + ", got " + excerpt(found);
  else
    tally.first = place + (is_target(column)   ? "the target is missing"
                           : is_weight(column) ? "the weight is missing"
                           : is_group(column)  ? "the group is missing"
                           : is_time(column)   ? "the time is missing"
                                               : "the value is missing");
}

std::string TableProblems::remedy(std::size_t column, const std::map<ValueState, Tally>& found) const {
  const bool only_missing = found.size() == 1 && found.contains(ValueState::missing);
  if (found.contains(ValueState::not_utf8))
    return "Convert the file to UTF-8, or set data.csv.encoding: latin-1";
  if (is_target(column)) {
    if (only_missing) return "Fill it in, or remove the row, or set data.missing.target: drop";
    return selection_.targets.size() == 1 && kind_ == TargetKind::number
               ? "Mend the file, or choose a classification"
               : "Mend the file, or leave the column out of data.target";
  }
  if (is_weight(column))
    return only_missing ? "Fill it in, or remove the row, or leave out data.weight"
                        : "Mend the file, or leave out data.weight";
  if (is_group(column) || is_time(column))
    return only_missing ? "Fill it in, or remove the row, or name another column under data.split"
           : is_time(column) && wanted_.numeric[column].part != DatePart::none
               ? "Mend the file (its first time is a date, so that all are to be dates), or name another "
                 "column under data.split"
               : "Mend the file, or name another column under data.split";
  const bool is_number = column < wanted_.numeric.size();
  if (only_missing)
    return is_number ? "Fill it in, or set data.missing.numeric: mean"
                     : "Fill it in, or set data.missing.categorical: category";
  if (found.contains(ValueState::not_a_number)) {
    if (wanted_.numeric[column].part != DatePart::none)
      return "Mend the file, or list the column under data.features.ignore";
    return "Mend the file, or list the column under data.features.categorical or data.features.ignore";
  }
  return "Mend the file, or list the column under data.features.ignore";
}

std::string TableProblems::line_of(std::size_t column, const std::map<ValueState, Tally>& found) const {
  // What is no number says more of the column than an empty field before it.
  const auto worst = std::find_if(found.begin(), found.end(),
                                  [](const auto& one) { return one.first != ValueState::missing; });
  const auto& [state, tally] = worst != found.end() ? *worst : *found.begin();
  std::string text = tally.first;
  std::vector<std::string> more;
  if (tally.count > 1) more.push_back(counted(tally.count - 1, "such value"));
  const auto missing = found.find(ValueState::missing);
  if (missing != found.end() && state != ValueState::missing)
    more.push_back(fmt::format("{} missing", with_commas(missing->second.count)));
  text += ". " + remedy(column, found);
  return more.empty() ? text : text + fmt::format(". This column has {}", join(more, " and "));
}

std::string TableProblems::block() const {
  std::vector<std::string> categorical = config_.features.categorical, ignore = config_.features.ignore;
  bool mean = false, category = false, drop = false;
  for (const auto& [column, found] : columns_) {
    const bool missing = found.contains(ValueState::missing);
    const bool others = found.size() > (missing ? 1U : 0U);
    if (is_weight(column) || is_group(column) || is_time(column)) return "";
    if (is_target(column)) {
      if (others) return "";
      drop = true;
      continue;
    }
    if (column >= wanted_.numeric.size()) {
      if (others) return "";
      category = true;
      continue;
    }
    const auto& name = name_of(column);
    if (!others) {
      mean = true;
    } else if (found.contains(ValueState::not_a_number) && wanted_.numeric[column].part == DatePart::none) {
      categorical.push_back(name);
      category |= missing;
    } else if (std::find(ignore.begin(), ignore.end(), name) == ignore.end()) {
      ignore.push_back(name);
    }
  }
  std::vector<std::string> missing;
  if (mean || config_.missing.numeric != "error") missing.emplace_back("numeric: mean");
  if (category || config_.missing.categorical != "error") missing.emplace_back("categorical: category");
  if (drop || config_.missing.target != "error") missing.emplace_back("target: drop");
  std::string text =
      fmt::format("\nThis reads it as it is:\n  data:\n    train_file: {}\n    target: {}\n",
                  yaml_name(config_.train_file),
                  config_.targets.size() == 1 ? yaml_name(config_.targets[0]) : yaml_list(config_.targets));
  if (!config_.weight.empty()) text += fmt::format("    weight: {}\n", yaml_name(config_.weight));
  std::vector<std::string> features;
  if (config_.features.numeric != FeaturesConfig().numeric)
    features.push_back("numeric: " + yaml_list(config_.features.numeric));
  if (!categorical.empty()) features.push_back("categorical: " + yaml_list(categorical));
  if (!config_.features.date.empty()) features.push_back("date: " + yaml_list(config_.features.date));
  if (!ignore.empty()) features.push_back("ignore: " + yaml_list(ignore));
  if (!features.empty()) text += fmt::format("    features: {{{}}}\n", join(features));
  if (!missing.empty()) text += fmt::format("    missing: {{{}}}\n", join(missing));
  return text;
}

void TableProblems::raise() const {
  std::vector<std::string> lines;
  if (rows_.count > 0)
    lines.push_back(rows_.first +
                    (rows_.count > 1 ? fmt::format(" (and {})", counted(rows_.count - 1, "such row")) : "") +
                    ". Mend that line");
  for (const auto& [column, found] : columns_)
    if (lines.size() < kMostColumns) lines.push_back(line_of(column, found));
  const auto all = columns_.size() + (rows_.count > 0 ? 1 : 0);
  if (all == 1)
    throw DataError(fmt::format("{}: {}{}", config_.train_file, lines[0], rows_.count > 0 ? "" : block()));
  std::string text = fmt::format("{} has problems in {} columns:", config_.train_file, columns_.size());
  if (rows_.count > 0) text = fmt::format("{} has several problems:", config_.train_file);
  for (const auto& line : lines) text += "\n  " + line;
  if (lines.size() < all) text += fmt::format("\n  ... and {} more columns", all - lines.size());
  throw DataError(text + (rows_.count > 0 ? "" : block()));
}

}  // namespace ringtrain
