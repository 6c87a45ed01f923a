#include "launch/jobs/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ringtrain {

std::string text_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::size_t width = widths.empty() ? 0 : 2 * (widths.size() - 1);
  for (const auto one : widths) width += one;
  std::string text;
  for (const auto& row : rows) {
    if (row.empty()) text += std::string(width, '-');
    for (std::size_t c = 0; c < row.size(); ++c)
      text += c == 0 ? fmt::format("{:<{}}", row[c], widths[c]) : fmt::format("  {:>{}}", row[c], widths[c]);
    text += '\n';
  }
  return text;
}

std::string table_number(double value) { return std::isnan(value) ? "-" : fmt::format("{:.6g}", value); }

}  // namespace ringtrain
