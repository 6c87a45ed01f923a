#include "launch/findings_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "common/terminal.h"

namespace ringtrain {
namespace {

constexpr std::array<const char*, 4> kLevels{"good", "warning", "bad", "skipped"};
constexpr std::array<const char*, 4> kColours{"\033[32m", "\033[33m", "\033[31m", "\033[90m"};

/// Broken to the width, if there is one.
std::string line_of(const std::string& text, const TableLook& look, std::size_t indent) {
  return (look.width > 0 ? wrapped(text, look.width, indent) : text) + "\n";
}

}  // namespace

std::string findings_table(const Findings& findings, const TableLook& look) {
  std::size_t widest = 0;
  for (const auto& finding : findings) widest = std::max(widest, finding.what.size());
  const std::size_t indent = 2 + 8 + 1 + widest + 2;
  std::string text;
  std::array<int, 4> counts{};
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const auto& [level, what, value, remedy] = findings[i];
    const auto l = static_cast<std::size_t>(level);
    ++counts[l];
    auto line = line_of(fmt::format("  {:<8} {:<{}}  {}", kLevels[l], what, widest, value), look, indent);
    if (look.colour) line.insert(2 + std::string_view(kLevels[l]).size(), "\033[0m").insert(2, kColours[l]);
    text += line;
    // Once for several in a row.
    if (!remedy.empty() && (i + 1 == findings.size() || findings[i + 1].remedy != remedy))
      text += line_of(fmt::format("  {:<8} {:<{}}  -> {}", "", "", widest, remedy), look, indent + 3);
  }
  text += fmt::format("\n{} good, {} warnings, {} bad", counts[0], counts[1], counts[2]);
  if (counts[3] > 0) text += fmt::format(", {} skipped", counts[3]);
  return text + "\n";
}

nlohmann::ordered_json findings_json(const Findings& findings) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& [level, what, value, remedy] : findings)
    list.push_back({{"level", kLevels[static_cast<std::size_t>(level)]},
                    {"what", what},
                    {"value", value},
                    {"remedy", remedy}});
  return list;
}

Finding::Level worst_level(const Findings& findings) {
  auto worst = Finding::Level::good;
  for (const auto& finding : findings)
    if (finding.level != Finding::Level::skipped) worst = std::max(worst, finding.level);
  return worst;
}

}  // namespace ringtrain
