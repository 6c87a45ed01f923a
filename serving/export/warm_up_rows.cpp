#include "serving/export/warm_up_rows.h"

#include <nlohmann/json.hpp>

namespace ringtrain {

/// As the column is computed.
static double number_of(const NumericColumn& column, double value) {
  return column.wide ? value : static_cast<double>(static_cast<float>(value));
}

std::string warm_up_rows(const Preprocessing& preprocessing) {
  constexpr int count = 8;
  auto rows = nlohmann::ordered_json::array();
  for (int i = 0; i < count; ++i) {
    const bool last = i + 1 == count;
    auto row = nlohmann::ordered_json::object();
    for (const auto& column : preprocessing.numeric) {
      // From -1 to 1 as the model sees it.
      const double seen = 2.0 * i / (count - 1) - 1;
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
  return nlohmann::ordered_json{{"instances", std::move(rows)}}.dump(
             2, ' ', false, nlohmann::json::error_handler_t::replace) +
         "\n";
}

}  // namespace ringtrain
