#include "launch/drift/model_rows.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "common/text.h"
#include "data/table/column_stream.h"
#include "data/table/text_lines.h"
#include "serving/batch/row_parser.h"
#include "serving/predict/model_outputs.h"
#include "storage/storage.h"

namespace ringtrain::drift {
namespace {

constexpr std::int64_t kRowsAtOnce = 4096;

void require_columns(const Manifest& manifest) {
  if (!manifest.preprocessing.tokens && !manifest.preprocessing.signature) return;
  throw ConfigError(
      fmt::format("the model {} reads {}: drift is looked for in the columns of tables", manifest.name,
                  manifest.preprocessing.tokens ? "tokens" : "named tensors of an own kind of data"));
}

/// Whether a file has a column, or the first row of JSON lines a field, of this name.
bool has_column(const RowFile& file, const std::string& name) {
  if (file.form == RowForm::json_lines) {
    TextLines lines(file.path);
    for (std::string_view line; lines.next(line);) {
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      try {
        key_of(line, name);
        return true;
      } catch (const DataError&) {
        return false;  // what is wrong with the row is said when it is read
      }
    }
    return false;
  }
  const auto names =
      file.form == RowForm::csv ? columns_of_csv(file.path, {}).names : columns_of_parquet(file.path).names;
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::vector<double> ModelRows::Piece::numbers(std::size_t column) const {
  const auto values =
      batch.rows.numeric.select(1, static_cast<std::int64_t>(column)).to(at::kDouble).contiguous();
  return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel()};
}

ModelRows::ModelRows(const Predictor& predictor, const std::string& data) : predictor_(predictor) {
  const auto& preprocessing = predictor.manifest().preprocessing;
  require_columns(predictor.manifest());
  auto files = find_row_files({Location(data)}, nullptr);
  RowOptions options;
  if (preprocessing.targets.size() == 1 && std::any_of(files.begin(), files.end(), [&](const RowFile& file) {
        return has_column(file, preprocessing.targets[0]);
      })) {
    has_truth_ = true;
    options.key = preprocessing.targets[0];
    options.may_lack_key = true;
  }
  for (const auto& file : files) all_bytes_ += stored_bytes(file.path);
  source_ = open_row_files(std::move(files), preprocessing, options);
}

bool ModelRows::next(Piece& piece) {
  if (!source_->next(piece.batch, rows_at_once(predictor_.manifest(), kRowsAtOnce))) return false;
  piece.first = rows_;
  rows_ += static_cast<std::int64_t>(piece.batch.size());
  piece.good.clear();
  for (std::size_t row = 0; row < piece.batch.size(); ++row) {
    const auto& error = piece.batch.errors[row];
    if (error.empty())
      piece.good.push_back(static_cast<std::int64_t>(row));
    else if (refused_++ == 0)
      first_refusal_ = error;
  }
  piece.truths.clear();
  for (auto& key : piece.batch.keys) piece.truths.push_back(std::move(key.text));
  piece.answers = piece.classes = at::Tensor();
  if (piece.good.empty()) return true;
  const auto answers = predictor_.predict(piece.batch.good_rows());
  piece.answers = answers.probabilities.defined() ? answers.probabilities : answers.predictions;
  piece.classes = answers.classes;
  return true;
}

}  // namespace ringtrain::drift
