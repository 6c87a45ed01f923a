#include "launch/report/frame.h"

#include <fmt/format.h>

#include "launch/report/html.h"
#include "report_page.h"

namespace ringtrain::report {
namespace {

/// Links to the sections that are there.
std::string contents(const std::string& body) {
  std::string links;
  for (std::size_t at = 0; (at = body.find("<section id=\"", at)) != std::string::npos;) {
    const auto id = at + 13, id_end = body.find('"', id), title = body.find("<h2>", id_end) + 4;
    const auto heading = body.substr(title, body.find("</h2>", title) - title);
    links += fmt::format("<a href=\"#{}\">{}</a> ", body.substr(id, id_end - id),
                         heading.substr(0, heading.find(" <small>")));
    at = title;
  }
  return "<nav>" + links + "</nav>";
}

}  // namespace

std::string framed(const std::string& title, const std::string& body, const nlohmann::ordered_json& json) {
  std::string page(kReportPage);
  const auto put = [&page](std::string_view mark, const std::string& text) {
    page.replace(page.find(mark), mark.size(), text);
  };
  // Last what may hold any text: nothing is looked for in it.
  put("@CONTENTS@", contents(body));
  put("@TITLE@", escaped(title));
  put("@HEADING@", escaped(title));
  const auto at = page.find("@BODY@", page.find("<main>"));
  return page.substr(0, at) + body + "<script type=\"application/json\" id=\"report-data\">" +
         script_json(json) + "</script>" + page.substr(at + 6);
}

}  // namespace ringtrain::report
