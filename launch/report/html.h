#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

/// Text of the report's page. Whatever comes from data, files or a configuration goes through `escaped`.
namespace ringtrain::report {

/// As text or as the value of a quoted attribute: & < > " ' are written as entities, and what is no text in
/// HTML (control characters, bytes that are not UTF-8) as U+FFFD.
std::string escaped(std::string_view text);
/// The same, cut to `most` characters with an ellipsis.
std::string excerpt_of(std::string_view text, std::size_t most);

/// "0.9735", "1.2e-05", "12,345"; "–" for what is not finite.
std::string shown(double value);
/// Of JSON: null and what is no number are "–".
std::string shown(const nlohmann::ordered_json& value);
/// "12.3 %".
std::string percent(double share);

/// JSON that can stand in a script element: no text in it can end that.
std::string script_json(const nlohmann::ordered_json& json);

/// A table that scrolls sideways where it is too wide. Cells are HTML; the first column is the row's name,
/// and it and those behind it up to `texts` hold text; the others are numbers, aligned at the right.
struct HtmlTable {
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows{};
  std::size_t texts = 1;
  std::string text() const;
};
/// `texts` of a table that has no numbers.
inline constexpr std::size_t kAllTexts = 1000;

/// A section with a heading; "" for an empty body. `of`: what it is about, smaller, behind the title. All of
/// it is HTML.
std::string section(std::string_view id, std::string_view title, std::string_view body,
                    std::string_view of = "");
/// A dim line below a plot or table. HTML.
std::string remark(std::string_view html);
/// Plots and tables side by side where there is room.
std::string side_by_side(const std::vector<std::string>& blocks);

}  // namespace ringtrain::report
