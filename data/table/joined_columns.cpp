#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "common/errors.h"
#include "common/text.h"
#include "data/table/column_stream.h"
#include "data/table/parquet_file.h"
#include "data/table/table_files.h"

// Tables that are one file or many: column_stream.h's open_columns and columns_of_file.

namespace ringtrain {
namespace {

std::unique_ptr<ColumnStream> open_file_columns(const Location& file, WantedColumns wanted,
                                                const FilePart* part = nullptr) {
  if (part && part->is_whole()) part = nullptr;
  return is_parquet(file) ? open_parquet_columns(file, std::move(wanted), part)
                          : open_csv_columns(file, std::move(wanted), part);
}

FileColumns columns_of_one(const Location& file, const CsvConfig& csv) {
  return is_parquet(file) ? columns_of_parquet(file) : columns_of_csv(file, csv);
}

/// The columns that a file has and another one lacks; "" where there are none.
std::string more_than(const std::vector<std::string>& has, const std::vector<std::string>& other) {
  const std::set<std::string> known(other.begin(), other.end());
  std::vector<std::string> more;
  for (const auto& name : has)
    if (!known.contains(name)) more.push_back("'" + name + "'");
  const auto left_out = more.size() > 5 ? more.size() - 5 : 0;
  more.resize(more.size() - left_out);
  return join(more) + (left_out > 0 ? fmt::format(" and {} more", left_out) : "");
}

/// The columns of the rows in all files, of which each has the same, in any order.
class CommonColumns {
 public:
  explicit CommonColumns(const Location& place) : place_(place) {}

  void add(const TableFile& file, FileColumns columns) {
    for (const auto& [name, value] : file.folder_columns)
      if (std::find(columns.names.begin(), columns.names.end(), name) != columns.names.end())
        throw DataError(fmt::format("{}: '{}' is a column of the file and of its folder's name; rename one",
                                    file.path.string(), name));
    has_rows_ = has_rows_ || columns.has_rows;
    if (first_file_.empty()) {
      first_file_ = name_in(place_, file.path);
      first_ = std::move(columns);
      return;
    }
    const auto name = name_in(place_, file.path);
    if (const auto more = more_than(columns.names, first_.names); !more.empty())
      problems_.push_back(fmt::format("{} has {}, which {} has not", name, more, first_file_));
    if (const auto less = more_than(first_.names, columns.names); !less.empty())
      problems_.push_back(fmt::format("{} lacks {}, which {} has", name, less, first_file_));
  }

  FileColumns finish(const TableFile& file) {
    if (!problems_.empty()) {
      const auto more = problems_.size() > 10 ? problems_.size() - 10 : 0;
      problems_.resize(problems_.size() - more);
      throw DataError(fmt::format(
          "{}: its files differ in their columns:\n  {}{}\nGive files of one kind, or "
          "a pattern that only they fit",
          place_.string(), join(problems_, "\n  "), more > 0 ? fmt::format("\n  and {} more", more) : ""));
    }
    if (!has_rows_) throw DataError(fmt::format("{} has columns but no rows", place_.string()));
    for (const auto& [name, value] : file.folder_columns) first_.names.push_back(name);
    return std::move(first_);
  }

 private:
  const Location& place_;
  std::string first_file_;
  FileColumns first_;
  bool has_rows_ = false;
  std::vector<std::string> problems_;
};

/// What is asked of a file itself, and which of the wanted columns that is.
struct OwnColumns {
  WantedColumns wanted;
  std::vector<std::size_t> numeric, categorical;  ///< places among those that the caller wants

  OwnColumns(const WantedColumns& all, const TableFile& file) : wanted(all) {
    const auto is_folders = [&](const std::string& name) {
      return std::any_of(file.folder_columns.begin(), file.folder_columns.end(),
                         [&](const auto& column) { return column.first == name; });
    };
    wanted.numeric.clear();
    wanted.categorical.clear();
    for (std::size_t c = 0; c < all.numeric.size(); ++c)
      if (!is_folders(all.numeric[c].column)) {
        wanted.numeric.push_back(all.numeric[c]);
        numeric.push_back(c);
      }
    for (std::size_t c = 0; c < all.categorical.size(); ++c)
      if (!is_folders(all.categorical[c])) {
        wanted.categorical.push_back(all.categorical[c]);
        categorical.push_back(c);
      }
  }
};

/// The rows of several files, one after another; or a part of one of them.
class JoinedColumns : public ColumnStream {
 public:
  JoinedColumns(Location place, std::vector<TableFile> files, WantedColumns wanted,
                std::optional<FilePart> part = {}, std::int64_t rows_before = 0)
      : place_(std::move(place)),
        files_(std::move(files)),
        part_(part),
        wanted_(std::move(wanted)),
        own_(wanted_, files_[0]),
        reading_(wanted_.reading),
        rows_before_(rows_before) {
    for (const auto& [name, value] : files_[0].folder_columns)
      if (name == wanted_.key)
        throw DataError(fmt::format("{}: the key '{}' is a folder's name; name a column of the files",
                                    place_.string(), name));
    if (!part_) open_file_columns(files_[0].path, own_.wanted);  // lacking columns are told at once
  }

  bool next(ColumnPiece& piece, std::int64_t most) override {
    while (open()) {
      if (stream_->next(piece, most)) {
        complete(piece);
        rows_of_file_ += piece.rows();
        return true;
      }
      close();
    }
    piece = {};
    return false;
  }

  std::int64_t skip(std::int64_t most) override {
    std::int64_t rows = 0;
    while (rows < most && open()) {
      const auto skipped = stream_->skip(most - rows);
      rows += skipped;
      rows_of_file_ += skipped;
      if (skipped == 0) close();
    }
    return rows;
  }

  std::int64_t bytes() const override { return bytes_before_ + (stream_ ? stream_->bytes() : 0); }

 private:
  bool open() {
    if (at_ == files_.size()) return false;
    if (stream_) return true;
    const auto& file = files_[at_];
    stream_ = open_file_columns(file.path, own_.wanted, part_ ? &*part_ : nullptr);
    read_folder_columns(file);
    return true;
  }

  void close() {
    bytes_before_ += stream_->bytes();
    rows_before_ += rows_of_file_;
    rows_of_file_ = 0;
    stream_.reset();
    ++at_;
  }

  const std::string* folder_value(const std::string& name) const {
    for (const auto& [known, value] : files_[at_].folder_columns)
      if (known == name) return &value;
    return nullptr;
  }

  void read_folder_columns(const TableFile& file) {
    numbers_.assign(wanted_.numeric.size(), NAN);
    words_.assign(wanted_.categorical.size(), "");
    const auto refuse = [&](const std::string& name, const std::string& value, const char* expected) {
      throw DataError(
          fmt::format("{}: its folder says {}={}, expected {}; a column of words is named in "
                      "data.features.categorical",
                      file.path.string(), name, value, expected));
    };
    for (std::size_t c = 0; c < wanted_.numeric.size(); ++c) {
      const auto& field = wanted_.numeric[c];
      const auto* value = folder_value(field.column);
      if (!value) continue;
      const auto number = field.part == DatePart::none ? reading_.number(*value)
                                                       : number_of_date(*value, field.part, reading_);
      if (number.state == ValueState::missing) continue;
      if (number.state != ValueState::good)
        refuse(field.column, *value, field.part == DatePart::none ? "a number" : "a date");
      numbers_[c] = number.value;
    }
    for (std::size_t c = 0; c < wanted_.categorical.size(); ++c)
      if (const auto* value = folder_value(wanted_.categorical[c])) {
        auto word = reading_.word(*value);
        if (word.state == ValueState::not_utf8) refuse(wanted_.categorical[c], *value, "text in UTF-8");
        words_[c] = std::move(word.text);
      }
  }

  /// The folder's columns in their places, and where the rows stand among those of all files.
  void complete(ColumnPiece& piece) const {
    piece.file = name_in(place_, files_[at_].path);
    piece.rows_before = rows_before_;
    for (auto& problem : piece.problems) {
      problem.text = piece.file + ", " + problem.text;
      if (problem.column < 0) continue;
      const auto column = static_cast<std::size_t>(problem.column);
      const auto own = own_.numeric.size();
      problem.column = static_cast<int>(
          column < own ? own_.numeric[column] : wanted_.numeric.size() + own_.categorical[column - own]);
    }
    const auto rows = piece.rows();
    if (own_.numeric.size() < wanted_.numeric.size()) {
      const auto all = at::tensor(numbers_, at::kDouble).expand({rows, -1}).contiguous();
      for (std::size_t c = 0; c < own_.numeric.size(); ++c)
        all.select(1, static_cast<std::int64_t>(own_.numeric[c]))
            .copy_(piece.numeric.select(1, static_cast<std::int64_t>(c)));
      piece.numeric = all;
    }
    if (own_.categorical.size() == wanted_.categorical.size()) return;
    std::vector<std::vector<std::string>> all(wanted_.categorical.size());
    for (std::size_t c = 0; c < own_.categorical.size(); ++c)
      all[own_.categorical[c]] = std::move(piece.categorical[c]);
    for (std::size_t c = 0; c < all.size(); ++c)
      if (folder_value(wanted_.categorical[c])) all[c].assign(static_cast<std::size_t>(rows), words_[c]);
    piece.categorical = std::move(all);
  }

  Location place_;
  std::vector<TableFile> files_;
  std::optional<FilePart> part_;  ///< of the one file
  WantedColumns wanted_;
  OwnColumns own_;  ///< of every file: they name the same folder columns
  Reading reading_;
  std::size_t at_ = 0;
  std::unique_ptr<ColumnStream> stream_;
  std::vector<double> numbers_;     ///< [numeric] of the open file's folders; NaN for its own columns
  std::vector<std::string> words_;  ///< [categorical]
  std::int64_t rows_of_file_ = 0, rows_before_, bytes_before_ = 0;
};

}  // namespace

std::unique_ptr<ColumnStream> open_columns(const Location& place, WantedColumns wanted) {
  auto files = table_files(place);
  if (files.size() == 1 && files[0].folder_columns.empty())
    return open_file_columns(files[0].path, std::move(wanted));
  return std::make_unique<JoinedColumns>(place, std::move(files), std::move(wanted));
}

std::unique_ptr<ColumnStream> open_part_columns(const Location& place, const TableFile& file,
                                                std::int64_t rows_before, const FilePart& part,
                                                WantedColumns wanted) {
  if (file.path == place && file.folder_columns.empty())
    return open_file_columns(file.path, std::move(wanted), &part);
  return std::make_unique<JoinedColumns>(place, std::vector{file}, std::move(wanted), part, rows_before);
}

FileColumns columns_of_file(const Location& place, const CsvConfig& csv) {
  const auto files = table_files(place);
  CommonColumns common(place);
  for (const auto& file : files) common.add(file, columns_of_one(file.path, csv));
  auto columns = common.finish(files[0]);
  if (files.size() > 1)
    columns.note = fmt::format("{} files{}{}", with_commas(static_cast<long long>(files.size())),
                               columns.note.empty() ? "" : "; ", columns.note);
  return columns;
}

}  // namespace ringtrain
