#include "serving/export/warm_up_rows.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace ringtrain {

static constexpr int kRows = 8;

/// As the column is computed.
static double number_of(const NumericColumn& column, double value) {
  return column.wide ? value : static_cast<double>(static_cast<float>(value));
}

/// Value number `place` of row `row`.
static nlohmann::ordered_json value_of(const TensorInput& input, std::int64_t row, std::int64_t place) {
  const auto number = row + place;
  if (input.type == at::kBool) return number % 2 == 1;
  if (input.type == at::kLong) return input.below > 0 ? number % input.below : number % 10;
  return static_cast<double>(number % kRows) * 0.25 - 1;
}

static nlohmann::ordered_json nested(const TensorInput& input, std::int64_t row, std::size_t depth,
                                     std::int64_t& place) {
  if (depth == input.dims.size()) return value_of(input, row, place++);
  auto size = input.dims[depth];
  if (depth == 0 && input.pad) size = std::max<std::int64_t>(1, size * (row + 1) / kRows);
  auto list = nlohmann::ordered_json::array();
  for (std::int64_t i = 0; i < size; ++i) list.push_back(nested(input, row, depth + 1, place));
  return list;
}

static nlohmann::ordered_json rows_of(const Signature& signature) {
  constexpr std::int64_t most = 1 << 16;  // values, so that the file stays small
  const auto count = std::clamp<std::int64_t>(most / signature.values(), 1, kRows);
  auto rows = nlohmann::ordered_json::array();
  for (std::int64_t r = kRows - count; r < kRows; ++r) {
    auto row = nlohmann::ordered_json::object();
    for (const auto* input : signature.given()) {
      std::int64_t place = 0;
      row[input->name] = nested(*input, r, 0, place);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

static nlohmann::ordered_json rows_of(const Preprocessing& preprocessing) {
  if (preprocessing.signature) return rows_of(*preprocessing.signature);
  auto rows = nlohmann::ordered_json::array();
  for (int i = 0; i < kRows; ++i) {
    const bool last = i + 1 == kRows;
    auto row = nlohmann::ordered_json::object();
    for (const auto& column : preprocessing.numeric) {
      // From -1 to 1 as the model sees it.
      const double seen = 2.0 * i / (kRows - 1) - 1;
      if (last && column.fill)
        row[column.name] = nullptr;
      else
        row[column.name] = number_of(column, column.shift + (column.scale == 0 ? 0 : seen / column.scale));
    }
    for (const auto& column : preprocessing.categorical) {
      const auto& words = column.vocabulary;
      if (last && column.missing_is_category)
        row[column.name] = nullptr;
      else
        row[column.name] = words.empty() ? "unknown" : words[static_cast<std::size_t>(i) % words.size()];
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string warm_up_rows(const Preprocessing& preprocessing) {
  return nlohmann::ordered_json{{"instances", rows_of(preprocessing)}}.dump(
             2, ' ', false, nlohmann::json::error_handler_t::replace) +
         "\n";
}

}  // namespace ringtrain
