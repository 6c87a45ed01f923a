#include "serving/batch/row_source.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/column_selection.h"
#include "data/table/column_stream.h"
#include "data/table/table_files.h"
#include "data/table/text_lines.h"
#include "serving/batch/row_parser.h"
#include "storage/storage.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

/// JSON, a row a line; empty lines are no rows.
class LineSource : public RowSource {
 public:
  LineSource(TextLines lines, const Preprocessing& preprocessing, const RowOptions& options)
      : lines_(std::move(lines)),
        preprocessing_(preprocessing),
        with_keys_(!options.key.empty()),
        parser_(make_row_parser(preprocessing, options)) {}

  bool next(RowBatch& batch, std::int64_t most) override {
    std::string_view line;
    if (!next_row(line)) return false;
    batch.clear(preprocessing_, static_cast<std::size_t>(most), with_keys_);
    batch.first_row = rows_before_;
    std::size_t row = 0;
    do {
      try {
        parser_->read(line, batch, row);
      } catch (const DataError& error) {
        batch.errors[row] = fmt::format("{}: {}", batch.place(row), error.what());
      }
      ++row;
    } while (row < static_cast<std::size_t>(most) && next_row(line));
    batch.shrink(row);
    rows_before_ += static_cast<std::int64_t>(row);
    return true;
  }

  bool skip(std::int64_t most) override {
    std::int64_t rows = 0;
    for (std::string_view line; rows < most && next_row(line);) ++rows;
    rows_before_ += rows;
    return rows > 0;
  }

  std::int64_t bytes() const override { return lines_.bytes(); }

 private:
  bool next_row(std::string_view& line) {
    while (lines_.next(line))
      if (line.find_first_not_of(" \t\r") != std::string_view::npos) return true;
    return false;
  }

  TextLines lines_;
  const Preprocessing& preprocessing_;
  bool with_keys_;
  std::unique_ptr<RowParser> parser_;
  std::int64_t rows_before_ = 0;
};

/// The columns of CSV and Parquet files.
class ColumnSource : public RowSource {
 public:
  ColumnSource(std::unique_ptr<ColumnStream> columns, const Preprocessing& preprocessing)
      : columns_(std::move(columns)), preprocessing_(preprocessing) {}

  bool next(RowBatch& batch, std::int64_t most) override {
    if (!columns_->next(piece_, most)) return false;
    const auto count = static_cast<std::size_t>(piece_.rows());
    batch.first_row = rows_before_;
    batch.errors.assign(count, "");
    batch.rows.numeric = piece_.numeric.to(preprocessing_.numeric_type());
    batch.rows.categorical = std::move(piece_.categorical);
    batch.keys.clear();
    for (auto& key : piece_.keys) batch.keys.push_back({std::move(key), true});
    for (const auto& problem : piece_.problems) {
      auto& error = batch.errors[static_cast<std::size_t>(problem.row)];
      if (error.empty()) error = batch.file.empty() ? problem.text : batch.file + ", " + problem.text;
    }
    refuse_infinite(batch);
    for (std::size_t row = 0; row < count; ++row) {
      if (!batch.errors[row].empty()) continue;
      if (const auto error = value_error(preprocessing_, batch.rows, row); !error.empty())
        batch.errors[row] = fmt::format("{}: {}", batch.place(row), error);
    }
    rows_before_ += piece_.rows();
    return true;
  }

  bool skip(std::int64_t most) override {
    const auto rows = columns_->skip(most);
    rows_before_ += rows;
    return rows > 0;
  }

  std::int64_t bytes() const override { return columns_->bytes(); }

 private:
  /// Numbers beyond float32, in columns that are computed in it.
  void refuse_infinite(RowBatch& batch) const {
    const at::Tensor narrow = piece_.numeric.to(at::kFloat);
    if (!narrow.isinf().any().item<bool>()) return;
    const auto& numeric = preprocessing_.numeric;
    const auto* values = narrow.const_data_ptr<float>();
    for (std::size_t row = 0; row < batch.errors.size(); ++row)
      for (std::size_t c = 0; c < numeric.size(); ++c)
        if (!numeric[c].wide && std::isinf(values[row * numeric.size() + c]) && batch.errors[row].empty())
          batch.errors[row] = fmt::format("{}{}, column '{}': expected a finite number that float32 can hold",
                                          batch.file.empty() ? "" : batch.file + ", ",
                                          piece_.place(static_cast<std::int64_t>(row)), numeric[c].name);
  }

  std::unique_ptr<ColumnStream> columns_;
  const Preprocessing& preprocessing_;
  ColumnPiece piece_;
  std::int64_t rows_before_ = 0;
};

std::unique_ptr<RowSource> open_row_file(const RowFile& file, const Preprocessing& preprocessing,
                                         const RowOptions& options) {
  if (file.form == RowForm::json_lines)
    return std::make_unique<LineSource>(TextLines(file.path), preprocessing, options);
  if (preprocessing.tokens)
    throw ConfigError(
        fmt::format("{}: a language model reads tokens, not columns; give it JSON lines (--json-instances)",
                    file.path.string()));
  if (const auto& signature = preprocessing.signature) {
    std::vector<std::string> names;
    for (const auto* input : signature->given()) names.push_back(input->name);
    throw ConfigError(
        fmt::format("{}: the model reads named tensors ({}), not columns; give it JSON lines "
                    "(--json-instances), an object "
                    "with these names a row",
                    file.path.string(), join(names)));
  }
  auto wanted = columns_of_schema(preprocessing, options.csv);
  wanted.key = options.key;
  auto columns = file.form == RowForm::csv ? open_csv_columns(file.path, std::move(wanted))
                                           : open_parquet_columns(file.path, std::move(wanted));
  return std::make_unique<ColumnSource>(std::move(columns), preprocessing);
}

class FilesSource : public RowSource {
 public:
  FilesSource(std::vector<RowFile> files, const Preprocessing& preprocessing, const RowOptions& options)
      : files_(std::move(files)), preprocessing_(preprocessing), options_(options) {
    for (const auto& file : files_) {
      auto source = open_row_file(file, preprocessing_, options_);
      if (file.path == "-") source_ = std::move(source);  // it can be opened once
    }
  }

  bool next(RowBatch& batch, std::int64_t most) override {
    return from_open_file([&] {
      batch.file = files_.size() > 1 ? files_[at_].path.string() : "";
      return source_->next(batch, most);
    });
  }
  bool skip(std::int64_t most) override {
    return from_open_file([&] { return source_->skip(most); });
  }
  std::int64_t bytes() const override { return bytes_before_ + (source_ ? source_->bytes() : 0); }

 private:
  template <class Take>
  bool from_open_file(const Take& take) {
    for (; at_ < files_.size(); ++at_) {
      if (!source_) source_ = open_row_file(files_[at_], preprocessing_, options_);
      if (take()) return true;
      source_.reset();
      bytes_before_ += stored_bytes(files_[at_].path);
    }
    return false;
  }

  std::vector<RowFile> files_;
  const Preprocessing& preprocessing_;
  RowOptions options_;
  std::size_t at_ = 0;
  std::unique_ptr<RowSource> source_;
  std::int64_t bytes_before_ = 0;
};

bool is_folder(const Location& path) {
  if (!path.is_remote()) return fs::is_directory(path.local());
  const auto found = storage_of(path)->find(path);
  return found && found->is_folder;
}

/// Nothing where the name's ending means nothing.
const RowForm* form_of_name(const Location& path) {
  static constexpr RowForm json = RowForm::json_lines, csv = RowForm::csv, parquet = RowForm::parquet;
  const bool packed = path.extension() == ".gz";
  const auto ending = packed ? path.stem().extension() : path.extension();
  if (ending == ".csv") return &csv;
  if (ending == ".jsonl" || ending == ".ndjson" || ending == ".json") return &json;
  if (!packed && (ending == ".parquet" || ending == ".pq")) return &parquet;
  return nullptr;
}

}  // namespace

std::vector<RowFile> find_row_files(const std::vector<Location>& paths, const RowForm* form) {
  std::vector<RowFile> files;
  for (const auto& path : paths) {
    const bool folder = is_folder(path);
    for (const auto& file : folder ? files_in(path) : std::vector<Location>{path}) {
      const auto* known = form ? form : form_of_name(file);
      if (!known)
        throw DataError(
            fmt::format("{}: the name's ending does not tell its form (.csv, .parquet, .jsonl, "
                        ".ndjson, .json; .csv.gz, .jsonl.gz); say it by --csv, --parquet or "
                        "--json-instances",
                        file.string()));
      files.push_back({file, *known});
    }
  }
  return files;
}

std::unique_ptr<RowSource> open_row_files(std::vector<RowFile> files, const Preprocessing& preprocessing,
                                          const RowOptions& options) {
  return std::make_unique<FilesSource>(std::move(files), preprocessing, options);
}

std::unique_ptr<RowSource> open_json_lines(std::istream& in, const Preprocessing& preprocessing,
                                           const RowOptions& options) {
  return std::make_unique<LineSource>(TextLines(in), preprocessing, options);
}

}  // namespace ringtrain
