#include "serving/batch/row_batch.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/collate.h"
#include "data/schema/excerpt.h"

namespace ringtrain {

std::string RowBatch::place(std::size_t index) const {
  const auto row = "row " + with_commas(first_row + static_cast<std::int64_t>(index) + 1);
  return file.empty() ? row : file + ", " + row;
}

void RowBatch::clear(const Preprocessing& preprocessing, std::size_t count, bool with_keys) {
  const auto rows_count = static_cast<std::int64_t>(count);
  errors.assign(count, "");
  keys.assign(with_keys ? count : 0, {});
  if (preprocessing.tokens) {
    rows.tokens = at::zeros({rows_count, preprocessing.tokens->context}, at::kLong);
    lengths.assign(count, 0);
    return;
  }
  if (preprocessing.signature) {
    rows.tensors = blank_inputs(*preprocessing.signature, rows_count);
    return;
  }
  rows = missing_rows(preprocessing, rows_count);
}

void RowBatch::shrink(std::size_t count) {
  errors.resize(count);
  if (!keys.empty()) keys.resize(count);
  const auto rows_count = static_cast<std::int64_t>(count);
  if (rows.tokens.defined()) {
    rows.tokens = rows.tokens.narrow(0, 0, rows_count);
    lengths.resize(count);
    return;
  }
  if (!rows.tensors.empty()) {
    rows.tensors = rows.tensors.narrow(0, rows_count);
    return;
  }
  rows.numeric = rows.numeric.narrow(0, 0, rows_count);
  for (auto& words : rows.categorical) words.resize(count);
}

Predictor::Rows RowBatch::good_rows() const {
  std::vector<std::int64_t> good;
  for (std::size_t i = 0; i < size(); ++i)
    if (errors[i].empty()) good.push_back(static_cast<std::int64_t>(i));
  if (good.size() == size()) return rows;
  const at::Tensor places = at::tensor(good, at::kLong);
  Predictor::Rows result;
  if (rows.tokens.defined()) {
    result.tokens = rows.tokens.index_select(0, places);
    return result;
  }
  if (!rows.tensors.empty()) {
    result.tensors =
        rows.tensors.map([&places](const at::Tensor& tensor) { return tensor.index_select(0, places); });
    return result;
  }
  result.numeric = rows.numeric.index_select(0, places);
  for (const auto& words : rows.categorical) {
    auto& kept = result.categorical.emplace_back();
    for (const auto place : good) kept.push_back(words[static_cast<std::size_t>(place)]);
  }
  return result;
}

Predictor::Rows missing_rows(const Preprocessing& preprocessing, std::int64_t count) {
  const auto width = preprocessing.numeric.size() + preprocessing.categorical.size();
  if (width > 0 && count > kMostValues / static_cast<std::int64_t>(width))
    throw DataError(fmt::format("{} rows of {} columns are more than are answered at once ({} values)",
                                with_commas(count), width, with_commas(kMostValues)));
  Predictor::Rows rows;
  rows.numeric = at::full({count, static_cast<std::int64_t>(preprocessing.numeric.size())},
                          std::numeric_limits<double>::quiet_NaN(), preprocessing.numeric_type());
  rows.categorical.assign(preprocessing.categorical.size(),
                          std::vector<std::string>(static_cast<std::size_t>(count)));
  return rows;
}

std::string value_error(const Preprocessing& preprocessing, const Predictor::Rows& rows, std::size_t row) {
  const auto text = [](const std::string& name) {
    return fmt::format("field '{}': missing value; the model was trained without missing values there", name);
  };
  const auto width = preprocessing.numeric.size();
  const auto missing = [&](const auto* numbers) -> const NumericColumn* {
    for (std::size_t c = 0; c < width; ++c)
      if (std::isnan(numbers[row * width + c]) && !preprocessing.numeric[c].fill)
        return &preprocessing.numeric[c];
    return nullptr;
  };
  const auto* column = rows.numeric.scalar_type() == at::kDouble
                           ? missing(rows.numeric.const_data_ptr<double>())
                           : missing(rows.numeric.const_data_ptr<float>());
  if (column) return text(column->column());
  for (std::size_t c = 0; c < rows.categorical.size(); ++c) {
    const auto& words = preprocessing.categorical[c];
    const auto& word = rows.categorical[c][row];
    if (word.empty() && !words.missing_is_category &&
        (!words.missing_is_unseen || preprocessing.refuse_unseen))
      return text(words.name);
    if (preprocessing.refuse_unseen && !word.empty() && !words.knows(word))
      return fmt::format("field '{}': training did not see {} there (data.unseen: error)", words.name,
                         excerpt(word));
  }
  return "";
}

}  // namespace ringtrain
