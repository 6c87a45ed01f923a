#include "launch/findings_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ringtrain {
namespace {

constexpr std::array<const char*, 4> kLevels{"good", "warning", "bad", "skipped"};
constexpr std::array<const char*, 4> kColours{"\033[32m", "\033[33m", "\033[31m", "\033[90m"};

/// `text` in lines of `width`, the second and later ones behind `indent` spaces.
std::string in_lines(const std::string& text, std::size_t indent, std::size_t width) {
  constexpr std::size_t least = 20;
  if (width == 0) return text;
  const std::size_t room = width > indent + least ? width - indent : least;
  std::string lines;
  std::size_t begin = 0;
  while (text.size() - begin > room) {
    auto end = text.rfind(' ', begin + room);
    if (end == std::string::npos || end <= begin) end = text.find(' ', begin + room);
    if (end == std::string::npos) break;
    lines += text.substr(begin, end - begin) + "\n" + std::string(indent, ' ');
    begin = end + 1;
  }
  return lines + text.substr(begin);
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
    text += fmt::format("  {}{:<8}{} {:<{}}  {}\n", look.colour ? kColours[l] : "", kLevels[l],
                        look.colour ? "\033[0m" : "", what, widest, in_lines(value, indent, look.width));
    // Once for several in a row.
    if (!remedy.empty() && (i + 1 == findings.size() || findings[i + 1].remedy != remedy))
      text +=
          fmt::format("  {:<8} {:<{}}  -> {}\n", "", "", widest, in_lines(remedy, indent + 3, look.width));
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
