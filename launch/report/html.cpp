#include "launch/report/html.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>

#include "common/text.h"
#include "data/table/text_encoding.h"

namespace ringtrain::report {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// UTF-8 without control characters.
std::string clean(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const auto good = check_utf8(text).valid;
    for (const char letter : text.substr(0, good)) {
      const auto code = static_cast<unsigned char>(letter);
      const bool control = (code < 0x20 && letter != '\n' && letter != '\t') || code == 0x7f;
      if (control)
        result += kReplacement;
      else
        result += letter;
    }
    if (good == text.size()) break;
    result += kReplacement;
    text.remove_prefix(good + 1);
  }
  return result;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  for (const char letter : clean(text)) {
    switch (letter) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += letter;
    }
  }
  return result;
}

std::string excerpt_of(std::string_view text, std::size_t most) {
  const auto whole = clean(text);
  std::size_t characters = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(whole[i]) & 0xC0) != 0x80;
    if (begins && characters++ == most) return escaped(whole.substr(0, i)) + "…";
  }
  return escaped(whole);
}

std::string shown(double value) {
  if (!std::isfinite(value)) return "–";
  if (value == std::floor(value) && std::abs(value) < 1e15) return with_commas(static_cast<long long>(value));
  return std::abs(value) >= 1e5 && std::abs(value) < 1e15 ? with_commas(std::llround(value))
                                                          : fmt::format("{:.4g}", value);
}

std::string shown(const nlohmann::ordered_json& value) {
  return value.is_number() ? shown(value.get<double>()) : "–";
}

std::string percent(double share) {
  if (!std::isfinite(share)) return "–";
  if (share == 0) return "0 %";
  return share < 0.0005 ? "&lt; 0.1 %" : fmt::format("{:.1f} %", 100 * share);
}

std::string script_json(const nlohmann::ordered_json& json) {
  std::string result;
  for (const char letter : json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)) {
    if (letter == '<')
      result += "\\u003c";
    else if (letter == '&')
      result += "\\u0026";
    else
      result += letter;
  }
  return result;
}

std::string HtmlTable::text() const {
  std::string text = "<div class=\"scroll\" tabindex=\"0\"><table>";
  const auto style = [this](std::size_t column) { return column < texts ? "" : " class=\"n\""; };
  if (!head.empty()) {
    text += "<thead><tr>";
    for (std::size_t i = 0; i < head.size(); ++i)
      text += fmt::format("<th scope=\"col\"{}>{}</th>", style(i), head[i]);
    text += "</tr></thead>";
  }
  text += "<tbody>";
  for (const auto& row : rows) {
    text += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i)
      text +=
          i == 0 ? "<th scope=\"row\">" + row[i] + "</th>" : fmt::format("<td{}>{}</td>", style(i), row[i]);
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>";
}

std::string section(std::string_view id, std::string_view title, std::string_view body, std::string_view of) {
  if (body.empty()) return "";
  return fmt::format("<section id=\"{}\"><h2>{}{}</h2>{}</section>\n", id, title,
                     of.empty() ? "" : fmt::format(" <small>{}</small>", of), body);
}

std::string remark(std::string_view html) { return fmt::format("<p class=\"dim\">{}</p>", html); }

std::string side_by_side(const std::vector<std::string>& blocks) {
  std::string text;
  for (const auto& block : blocks)
    if (!block.empty()) text += "<div>" + block + "</div>";
  return text.empty() ? "" : "<div class=\"grid\">" + text + "</div>";
}

}  // namespace ringtrain::report
