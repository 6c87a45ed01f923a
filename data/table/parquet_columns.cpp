#include <ATen/ops/empty.h>
#include <arrow/api.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/errors.h"
#include "common/text.h"
#include "data/table/arrow_values.h"
#include "data/table/column_stream.h"
#include "data/table/parquet_file.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kRowsAtOnce = 8192;

class ParquetColumns : public ColumnStream {
 public:
  ParquetColumns(const std::filesystem::path& file, WantedColumns wanted)
      : file_(file), wanted_(std::move(wanted)) {
    reader_ = open_parquet(file_, kRowsAtOnce);
    std::shared_ptr<arrow::Schema> schema;
    check(reader_->GetSchema(&schema));
    places_ = places_of_columns(file_, schema->field_names(), wanted_);
    require_types(*schema);
    leaves_ = parquet_leaves(*schema, places_);
  }

  bool next(ColumnPiece& piece, std::int64_t most) override {
    piece = {};
    const auto width = static_cast<std::int64_t>(wanted_.numeric.size());
    piece.categorical.resize(wanted_.categorical.size());
    std::int64_t rows = 0;
    std::vector<float> numbers;
    while (rows < most && have_batch()) {
      const auto count = std::min(most - rows, batch_->num_rows() - at_);
      numbers.resize(static_cast<std::size_t>((rows + count) * width),
                     std::numeric_limits<float>::quiet_NaN());
      take(piece, numbers, rows, count);
      rows += count;
      at_ += count;
    }
    std::stable_sort(piece.problems.begin(), piece.problems.end(),
                     [](const auto& a, const auto& b) { return a.row < b.row; });
    rows_before_ += rows;
    piece.numeric = at::empty({rows, width}, at::kFloat);
    std::copy(numbers.begin(), numbers.end(), piece.numeric.mutable_data_ptr<float>());
    return rows > 0;
  }

  std::int64_t skip(std::int64_t most) override {
    std::int64_t rows = 0;
    while (rows < most) {
      // A group that is passed over whole is not read.
      if (!batch_ && !batches_ && group_ < reader_->num_row_groups()) {
        const auto group = reader_->parquet_reader()->metadata()->RowGroup(group_)->num_rows();
        if (group <= most - rows) {
          rows += group;
          ++group_;
          continue;
        }
      }
      if (!have_batch()) break;
      const auto count = std::min(most - rows, batch_->num_rows() - at_);
      rows += count;
      at_ += count;
      drop_if_used();
    }
    rows_before_ += rows;
    return rows;
  }

  std::int64_t bytes() const override {
    const auto groups = std::max(reader_->num_row_groups(), 1);
    return static_cast<std::int64_t>(static_cast<double>(std::filesystem::file_size(file_)) * group_ /
                                     groups);
  }

 private:
  void check(const arrow::Status& status) const { require_read(status, file_); }

  void require_types(const arrow::Schema& schema) const {
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const auto& field = *schema.field(static_cast<int>(places_[i]));
      const bool numeric = i < wanted_.numeric.size();
      const bool key = !wanted_.key.empty() && i + 1 == places_.size();
      const bool good =
          numeric ? is_number(*field.type()) : is_word(*field.type()) || (key && is_number(*field.type()));
      if (!good)
        throw DataError(fmt::format("{}, column '{}': expected {}, but it is of type {}", file_.string(),
                                    field.name(), numeric ? "numbers" : "words", field.type()->ToString()));
    }
  }

  void drop_if_used() {
    if (batch_ && at_ == batch_->num_rows()) batch_.reset();
    if (batch_ || !batches_) return;
    check(batches_->ReadNext(&batch_));
    at_ = 0;
    if (!batch_) {
      batches_.reset();
      ++group_;
    }
  }

  /// Whether there is a batch with rows from `at_` on.
  bool have_batch() {
    drop_if_used();
    while (!batch_ && group_ < reader_->num_row_groups()) {
      auto batches = reader_->GetRecordBatchReader({group_}, leaves_);
      check(batches.status());
      batches_ = std::move(*batches);
      drop_if_used();
      while (batch_ && batch_->num_rows() == 0) drop_if_used();
    }
    return batch_ != nullptr;
  }

  const arrow::Array& column(std::size_t i) const {
    // The batch's columns stand in the file's order.
    return *batch_->GetColumnByName(name_of(i));
  }
  const std::string& name_of(std::size_t i) const {
    if (i < wanted_.numeric.size()) return wanted_.numeric[i];
    i -= wanted_.numeric.size();
    return i < wanted_.categorical.size() ? wanted_.categorical[i] : wanted_.key;
  }

  void take(ColumnPiece& piece, std::vector<float>& numbers, std::int64_t rows, std::int64_t count) const {
    const auto width = wanted_.numeric.size();
    for (std::size_t c = 0; c < width; ++c)
      for_each_number(column(c), at_, count, [&](std::int64_t r, auto value) {
        const auto number = static_cast<float>(value);
        auto& to = numbers[static_cast<std::size_t>(rows + r) * width + c];
        if (!std::isinf(number))
          to = number;
        else
          piece.problems.push_back(
              {rows + r, fmt::format("row {}, column '{}': expected a finite number",
                                     with_commas(rows_before_ + rows + r + 1), wanted_.numeric[c])});
      });
    const auto words = [&](std::size_t i, std::vector<std::string>& to) {
      to.resize(static_cast<std::size_t>(rows + count));
      const auto& values = column(i);
      for (std::int64_t r = 0; r < count; ++r)
        if (!values.IsNull(at_ + r)) to[static_cast<std::size_t>(rows + r)] = word_at(values, at_ + r);
    };
    for (std::size_t c = 0; c < piece.categorical.size(); ++c) words(width + c, piece.categorical[c]);
    if (!wanted_.key.empty()) words(places_.size() - 1, piece.keys);
  }

  std::filesystem::path file_;
  WantedColumns wanted_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::vector<std::size_t> places_;  ///< numeric, categorical, the key
  std::vector<int> leaves_;
  int group_ = 0;  ///< the row group that is read
  std::shared_ptr<arrow::RecordBatchReader> batches_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::int64_t at_ = 0;  ///< the next row of the batch
  std::int64_t rows_before_ = 0;
};

}  // namespace

std::unique_ptr<ColumnStream> open_parquet_columns(const std::filesystem::path& file, WantedColumns wanted) {
  return std::make_unique<ParquetColumns>(file, std::move(wanted));
}

}  // namespace ringtrain
