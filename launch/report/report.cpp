#include "launch/report/report.h"

#include <algorithm>

#include "common/errors.h"
#include "common/files.h"
#include "common/text.h"
#include "launch/report/findings.h"
#include "launch/report/page.h"

namespace ringtrain::report {
namespace {

namespace fs = std::filesystem;

std::vector<RunView> read_runs(const std::vector<fs::path>& folders) {
  std::vector<RunView> runs;
  std::vector<std::string> problems;
  for (const auto& folder : folders) {
    try {
      // Without a slash at its end, which would hide its name.
      const auto plain = folder.lexically_normal();
      runs.push_back(
          {RunRecord::read(plain.filename().empty() && plain.has_parent_path() ? plain.parent_path() : plain),
           {},
           {}});
    } catch (const Error& error) {
      problems.emplace_back(error.what());
    }
  }
  if (!problems.empty()) throw ConfigError(join(problems, "\n  "));
  return runs;
}

/// Runs of one name are told apart by their folders.
void name_runs(std::vector<RunView>& runs) {
  for (auto& run : runs) {
    const auto same = std::count_if(
        runs.begin(), runs.end(), [&](const RunView& other) { return other.record.name == run.record.name; });
    run.name = same == 1 ? run.record.name : run.record.folder.string();
  }
}

}  // namespace

fs::path write_report(const std::vector<fs::path>& folders, fs::path output, const Catalogue& catalogue,
                      const Effort& effort) {
  auto runs = read_runs(folders);
  name_runs(runs);
  for (auto& run : runs) run.findings = findings_of(run.record, catalogue, effort);
  if (output.empty())
    output = runs.size() == 1 ? runs[0].record.folder / "report.html" : fs::path("report.html");
  write_file_atomically(output, page_of(runs));
  return output;
}

Effort effort_at_end() {
  return {.most_rows = 100'000,
          .most_bytes = std::int64_t{128} << 20,
          .until = std::chrono::steady_clock::now() + std::chrono::seconds(6)};
}

}  // namespace ringtrain::report
