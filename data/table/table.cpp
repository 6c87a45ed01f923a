#include "data/table/table.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "common/errors.h"
#include "common/hash.h"
#include "common/text.h"
#include "data/schema/classes.h"
#include "data/table/checked_rows.h"

namespace ringtrain {
namespace {

constexpr std::size_t kMostClasses = 1000;
constexpr std::int64_t kRowsAtOnce = 8192;
/// A column whose values lose this share of their deviation in float32 is kept in float64 until the training
/// part, whose deviation may be smaller, has been measured (fit.h).
constexpr double kMayBeWide = 1e-8;

class TableReader {
 public:
  TableReader(const TableConfig& config, TargetKind kind, at::ScalarType dtype, const Preprocessing* schema)
      : config_(config), kind_(kind), dtype_(dtype), rows_read_(config, kind, dtype, schema) {
    const auto& selection = rows_read_.selection();
    table_.numeric_names = selection.numeric;
    table_.categorical_names = selection.categorical;
    table_.target_names = selection.targets;
    table_.ignored_names = selection.ignored;
    table_.categorical.resize(selection.categorical.size());
    table_.note = rows_read_.note();
  }

  Table read() {
    const auto stream = open_columns(config_.train_file, rows_read_.wanted());
    ColumnPiece piece;
    CheckedPiece rows;
    while (stream->next(piece, kRowsAtOnce)) {
      if (rows_read_.take(piece, rows)) keep(rows);
    }
    rows_read_.require_good(rows_read_.bad_rows());
    table_.dropped_rows = rows_read_.dropped_rows();
    table_.bad_rows = rows_read_.bad_rows();
    table_.first_bad_row = rows_read_.first_bad();
    if (rows_ == 0) rows_read_.raise_no_target();
    finish();
    return std::move(table_);
  }

 private:
  bool takes_numbers() const { return kind_ != TargetKind::classes; }

  void keep(CheckedPiece& piece) {
    const bool some_left_out = rows_read_.dropped_rows() + rows_read_.bad_rows() > 0;
    if (some_left_out && table_.file_rows.empty())
      for (std::int64_t row = 0; row < rows_; ++row) table_.file_rows.push_back(row);
    if (some_left_out)
      table_.file_rows.insert(table_.file_rows.end(), piece.numbers.begin(), piece.numbers.end());
    rows_ += piece.rows();
    if (takes_numbers()) targets_.push_back(piece.targets);
    if (piece.weight.defined()) weights_.push_back(piece.weight);
    for (const auto& group : piece.groups) table_.groups.push_back(hash_bytes(group));
    table_.times.insert(table_.times.end(), piece.times.begin(), piece.times.end());
    take_words(piece);
    pieces_.push_back(piece.numeric);
  }

  void take_words(CheckedPiece& piece) {
    for (std::size_t c = 0; c < table_.categorical.size(); ++c) {
      auto& to = table_.categorical[c];
      to.insert(to.end(), std::make_move_iterator(piece.categorical[c].begin()),
                std::make_move_iterator(piece.categorical[c].end()));
    }
    for (auto& word : piece.classes) {
      const auto [found, is_new] = class_of_word_.try_emplace(word, static_cast<std::int64_t>(words_.size()));
      if (is_new) words_.push_back(word);
      classes_.push_back(found->second);
    }
  }

  void finish() {
    finish_numbers();
    if (!weights_.empty()) table_.weight = at::cat(weights_);
    if (takes_numbers()) {
      table_.target = at::cat(targets_).to(dtype_);
      if (kind_ == TargetKind::flags)
        table_.labels = table_.target_names;
      else if (table_.target_names.size() == 1)
        table_.target = table_.target.squeeze(1);
      return;
    }
    const Classes classes = name_classes(words_, rows_read_.wanted().reading.version);
    if (classes.labels.size() > kMostClasses)
      throw DataError(fmt::format(
          "{}: column '{}' (data.target) has {} distinct values, more than a classification takes ({}). To "
          "predict a number, set task.type: regression",
          config_.train_file, table_.target_names[0],
          with_commas(static_cast<long long>(classes.labels.size())), kMostClasses));
    table_.labels = classes.labels;
    table_.target = at::empty({rows_}, at::kLong);
    auto* to = table_.target.mutable_data_ptr<std::int64_t>();
    for (const auto word : classes_) *to++ = classes.of_word[static_cast<std::size_t>(word)];
  }

  /// Which columns float32 may be too narrow for.
  std::vector<bool> may_be_wide() const {
    const auto width = table_.numeric_names.size();
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
    const auto width = static_cast<std::int64_t>(table_.numeric_names.size());
    const auto wide = dtype_ == at::kFloat ? may_be_wide() : std::vector<bool>(table_.numeric_names.size());
    table_.numeric = at::empty({rows_, width}, dtype_);
    table_.exact.resize(table_.numeric_names.size());
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
  CheckedRows rows_read_;
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
