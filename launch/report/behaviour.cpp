#include "common/text.h"
#include "launch/report/html.h"
#include "launch/report/page.h"

namespace ringtrain::report {

std::string behaviour(const RunView& run) {
  const auto tests = run.findings.find("tests");
  if (tests == run.findings.end() || tests->empty()) return "";
  HtmlTable table{{"test", "", "found", "asked", "rows"}, {}, 4};
  for (const auto& test : *tests) {
    const auto text = [&test](const char* field) { return test.value(field, std::string()); };
    auto found = escaped(text("found"));
    if (!text("example").empty()) found += "<br><small>" + excerpt_of(text("example"), 300) + "</small>";
    const auto state = text("state");
    table.rows.push_back({escaped(text("name")),
                          state == "failed" ? "<b class=\"failed\">failed</b>" : escaped(state), found,
                          escaped(text("asked")), with_commas(test.value("rows", 0LL))});
  }
  return section("tests", "Tests", table.text(), "what the configuration asks of the model");
}

}  // namespace ringtrain::report
