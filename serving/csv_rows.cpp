#include <ATen/ATen.h>
#include <fmt/format.h>

#include "common/errors.h"
#include "data/column_stream.h"
#include "serving/row_batch.h"

namespace ringtrain {
namespace {

/// Row `r` of a piece of the file.
RawRow row_of(const Table& piece, const at::TensorAccessor<float, 2>& numbers, std::int64_t r) {
  RawRow row;
  for (std::int64_t c = 0; c < piece.numeric.size(1); ++c) row.numbers.push_back(numbers[r][c]);
  for (const auto& words : piece.categorical) row.words.push_back(words[static_cast<std::size_t>(r)]);
  return row;
}

}  // namespace

std::int64_t predict_csv(const Predictor& predictor, const std::filesystem::path& file, std::ostream& out,
                         const PredictOptions& options) {
  if (predictor.manifest().preprocessing.tokens)
    throw ConfigError("a language model reads tokens, not columns; use --json-instances");
  const auto& preprocessing = predictor.manifest().preprocessing;
  std::vector<std::string> numeric, categorical;
  for (const auto& column : preprocessing.numeric) numeric.push_back(column.name);
  for (const auto& column : preprocessing.categorical) categorical.push_back(column.name);
  ColumnStream stream(file, numeric, categorical);
  AnswerWriter writer(predictor, out, options);
  Table piece;
  std::vector<RowProblem> problems;
  for (std::int64_t before = 0; stream.next(piece, problems, options.batch_size); before += piece.rows()) {
    const auto numbers = piece.numeric.accessor<float, 2>();
    auto problem = problems.begin();
    for (std::int64_t r = 0; r < piece.rows(); ++r) {
      RawRow row = row_of(piece, numbers, r);
      if (problem != problems.end() && problem->row == r)
        row.error = problem->text;  // names row and line itself
      while (problem != problems.end() && problem->row == r) ++problem;
      if (row.error.empty()) {
        row.error = missing_value_error(preprocessing, row.numbers, row.words);
        if (!row.error.empty()) row.error = fmt::format("row {}: {}", before + r + 1, row.error);
      }
      writer.add(std::move(row));
    }
  }
  return writer.finish();
}

}  // namespace ringtrain
