#include <ATen/ops/empty.h>
#include <arrow/api.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <type_traits>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/dates.h"
#include "data/table/arrow_values.h"
#include "data/table/column_stream.h"
#include "data/table/parquet_file.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kRowsAtOnce = 8192;

class ParquetColumns : public ColumnStream {
 public:
  ParquetColumns(const Location& file, WantedColumns wanted, const FilePart* part)
      : file_(file), wanted_(std::move(wanted)), reading_(wanted_.reading) {
    reader_ = open_parquet(file_, kRowsAtOnce, &file_bytes_);
    group_ = part ? part->group : 0;
    groups_ = part ? part->group + 1 : reader_->num_row_groups();
    rows_before_ = part ? part->first_row : 0;
    if (groups_ > reader_->num_row_groups())
      throw DataError(fmt::format("{} has fewer row groups than it had", file_.string()));
    if (part) left_ = part->rows;
    std::shared_ptr<arrow::Schema> schema;
    check(reader_->GetSchema(&schema));
    places_ = places_of_columns(file_, schema->field_names(), wanted_);
    require_types(*schema);
    auto places = places_;
    std::sort(places.begin(), places.end());  // the parts of a date are of one column
    places.erase(std::unique(places.begin(), places.end()), places.end());
    leaves_ = parquet_leaves(*schema, places);
    if (part && part->skip > 0) {
      skip(part->skip);
      rows_before_ = part->first_row;
    }
  }

  bool next(ColumnPiece& piece, std::int64_t most) override {
    piece = {};
    piece.first_row = rows_before_;
    const auto width = static_cast<std::int64_t>(wanted_.numeric.size());
    piece.categorical.resize(wanted_.categorical.size());
    std::int64_t rows = 0;
    numbers_.clear();
    most = std::min(most, left_);
    while (rows < most && have_batch()) {
      const auto count = std::min(most - rows, batch_->num_rows() - at_);
      numbers_.resize(static_cast<std::size_t>((rows + count) * width), NAN);
      take(piece, rows, count);
      rows += count;
      at_ += count;
    }
    std::stable_sort(piece.problems.begin(), piece.problems.end(),
                     [](const auto& a, const auto& b) { return a.row < b.row; });
    rows_before_ += rows;
    left_ -= rows;
    piece.numeric = at::empty({rows, width}, at::kDouble);
    std::copy(numbers_.begin(), numbers_.end(), piece.numeric.mutable_data_ptr<double>());
    return rows > 0;
  }

  std::int64_t skip(std::int64_t most) override {
    std::int64_t rows = 0;
    while (rows < most) {
      // A group that is passed over whole is not read.
      if (!batch_ && !batches_ && group_ < groups_) {
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
    return static_cast<std::int64_t>(static_cast<double>(file_bytes_) * group_ / groups);
  }

 private:
  void check(const arrow::Status& status) const { require_read(status, file_); }

  void require_types(const arrow::Schema& schema) const {
    std::vector<std::string> wrong;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const auto& field = *schema.field(static_cast<int>(places_[i]));
      const bool date = i < wanted_.numeric.size() && wanted_.numeric[i].part != DatePart::none;
      if (date ? is_date(*field.type()) || is_text(*field.type()) : is_value(*field.type())) continue;
      wrong.push_back(fmt::format("column '{}': expected {}, but it is of type {}.{}", field.name(),
                                  date                         ? "dates"
                                  : i < wanted_.numeric.size() ? "numbers"
                                                               : "words",
                                  field.type()->ToString(),
                                  is_date(*field.type())
                                      ? " List it under data.features.date"
                                      : " Convert it, or list it under data.features.ignore"));
    }
    if (!wrong.empty()) throw DataError(fmt::format("{}, {}", file_.string(), join(wrong, "\n  ")));
  }

  static bool is_text(const arrow::DataType& type) {
    using arrow::Type;
    return type.id() == Type::STRING || type.id() == Type::LARGE_STRING || type.id() == Type::STRING_VIEW ||
           (type.id() == Type::DICTIONARY &&
            is_text(*static_cast<const arrow::DictionaryType&>(type).value_type()));
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
    while (!batch_ && group_ < groups_) {
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
    if (i < wanted_.numeric.size()) return wanted_.numeric[i].column;
    i -= wanted_.numeric.size();
    return i < wanted_.categorical.size() ? wanted_.categorical[i] : wanted_.key;
  }

  void take(ColumnPiece& piece, std::int64_t rows, std::int64_t count) {
    PieceProblems problems(piece, wanted_);
    const auto width = wanted_.numeric.size();
    for (std::size_t c = 0; c < width; ++c) take_numbers(problems, c, rows, count);
    for (std::size_t c = 0; c < piece.categorical.size(); ++c) {
      piece.categorical[c].resize(static_cast<std::size_t>(rows + count));
      take_words(problems, c, rows, count, piece.categorical[c]);
    }
    if (wanted_.key.empty()) return;
    piece.keys.resize(static_cast<std::size_t>(rows + count));
    for_each_value(column(places_.size() - 1), at_, count, [&](std::int64_t r, auto value) {
      auto& key = piece.keys[static_cast<std::size_t>(rows + r)];
      if constexpr (std::is_same_v<decltype(value), std::string_view>)
        key = value;
      else
        key = fmt::format("{}", value);
    });
  }

  void take_numbers(PieceProblems& problems, std::size_t c, std::int64_t rows, std::int64_t count) {
    const auto width = wanted_.numeric.size();
    const auto part = wanted_.numeric[c].part;
    const auto& values = column(c);
    const auto keep = [&](std::int64_t r, const Number& number, const auto& found) {
      if (number.state == ValueState::good)
        numbers_[static_cast<std::size_t>(rows + r) * width + c] = number.value;
      else if (number.state != ValueState::missing)
        problems.value(rows + r, c, number.state, fmt::format("{}", found));
    };
    if (is_date(*values.type()))
      return for_each_day(values, at_, count, [&](std::int64_t r, double days) {
        const auto date = date_of_days(days);
        keep(r, date ? Number{part_of(*date, part)} : Number{NAN, ValueState::not_a_number}, days);
      });
    for_each_value(values, at_, count, [&](std::int64_t r, auto value) {
      if constexpr (std::is_same_v<decltype(value), std::string_view>)
        keep(r, part == DatePart::none ? reading_.number(value) : number_of_date(value, part, reading_),
             value);
      else if constexpr (std::is_same_v<decltype(value), float>)
        keep(r, reading_.number(static_cast<double>(value)), value);
      else
        keep(r, reading_.number(value), value);
    });
  }

  void take_words(PieceProblems& problems, std::size_t c, std::int64_t rows, std::int64_t count,
                  std::vector<std::string>& to) {
    const auto width = wanted_.numeric.size();
    for_each_value(column(width + c), at_, count, [&](std::int64_t r, auto value) {
      auto word = reading_.word(value);
      if (word.state == ValueState::good)
        to[static_cast<std::size_t>(rows + r)] = std::move(word.text);
      else if (word.state != ValueState::missing)
        problems.value(rows + r, width + c, word.state, fmt::format("{}", value));
    });
  }

  Location file_;
  std::int64_t file_bytes_ = 0;
  WantedColumns wanted_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::vector<std::size_t> places_;  ///< numeric, categorical, the key
  std::vector<int> leaves_;
  int group_ = 0, groups_ = 0;  ///< the row group that is read; where they end
  std::shared_ptr<arrow::RecordBatchReader> batches_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::int64_t at_ = 0;                                           ///< the next row of the batch
  std::int64_t left_ = std::numeric_limits<std::int64_t>::max();  ///< rows until the part ends
  std::int64_t rows_before_ = 0;
  std::vector<double> numbers_;
  Reading reading_;
};

/// The index columns that pandas wrote: those that its metadata names, and __index_level_N__.
std::vector<std::string> index_columns(const arrow::Schema& schema) {
  std::vector<std::string> names;
  for (const auto& name : schema.field_names())
    if (name.starts_with("__index_level_") && name.ends_with("__")) names.push_back(name);
  if (!schema.metadata()) return names;
  const auto text = schema.metadata()->Get("pandas").ValueOr("");
  const auto pandas = nlohmann::json::parse(text, nullptr, false);
  if (!pandas.is_object() || !pandas.contains("index_columns")) return names;
  for (const auto& column : pandas["index_columns"])
    if (column.is_string() && std::find(names.begin(), names.end(), column) == names.end() &&
        schema.GetFieldIndex(column.get<std::string>()) >= 0)
      names.push_back(column);
  return names;
}

}  // namespace

FileColumns columns_of_parquet(const Location& file) {
  const auto reader = open_parquet(file, kRowsAtOnce);
  std::shared_ptr<arrow::Schema> schema;
  require_read(reader->GetSchema(&schema), file);
  FileColumns columns{.names = schema->field_names(),
                      .index = index_columns(*schema),
                      .note = {},
                      .has_rows = reader->parquet_reader()->metadata()->num_rows() > 0};
  std::set<std::string_view> seen;
  for (const auto& name : columns.names)
    if (!seen.insert(name).second)
      throw DataError(fmt::format("{}: column '{}' occurs twice; rename one of them", file.string(), name));
  return columns;
}

std::unique_ptr<ColumnStream> open_parquet_columns(const Location& file, WantedColumns wanted,
                                                   const FilePart* part) {
  return std::make_unique<ParquetColumns>(file, std::move(wanted), part);
}

}  // namespace ringtrain
