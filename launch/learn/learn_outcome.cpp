#include "launch/learn/learn_outcome.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>

#include "common/text.h"

namespace ringtrain {

std::string short_text(const MetricsReport& window, const std::string& metric) {
  std::string text = fmt::format("window loss {:.4f}", window.find("loss").value_or(NAN));
  if (metric != "loss") text += fmt::format(", {} {:.4f}", metric, window.find(metric).value_or(NAN));
  return text;
}

std::string candidate_text(const CandidateOutcome& outcome, const std::string& metric) {
  const auto measured = std::isnan(outcome.after) ? std::string("candidate")
                                                  : fmt::format("candidate: {} {:.6f} live, {:.6f} learned",
                                                                metric, outcome.before, outcome.after);
  return outcome.promoted ? fmt::format("{}: made live as version {}", measured, outcome.version)
                          : fmt::format("{}: not made live, since {}", measured, outcome.why);
}

std::string quarantine_text(const StreamCounts& counts) {
  std::vector<std::string> parts;
  for (const auto& [guard, rows] : counts.quarantined)
    parts.push_back(fmt::format("{} by {}", with_commas(rows), guard));
  return join(parts);
}

void print_learned(const LearnedText& learned) {
  const auto& [config, job, counts, prequential, candidates, made_live, stream] = learned;
  std::vector<std::string> rows{fmt::format("{} held out", with_commas(counts.held_out))};
  if (counts.without_truth > 0)
    rows.push_back(fmt::format("{} without truth", with_commas(counts.without_truth)));
  if (counts.refused() > 0)
    rows.push_back(fmt::format("{} quarantined: {}", with_commas(counts.refused()), quarantine_text(counts)));
  fmt::print("Learned       {} rows of {} ({})\n", with_commas(counts.learned), with_commas(counts.read),
             join(rows));
  const auto all = prequential.of_all(), window = prequential.of_window();
  std::vector<std::string> names{"loss"};
  if (config.learn.metric != "loss") names.push_back(config.learn.metric);
  for (const auto& name : names)
    fmt::print("{:<13} {:.6f} of all rows before they were learned from, {:.6f} of the last {}\n", name,
               all.find(name).value_or(NAN), window.find(name).value_or(NAN),
               with_commas(std::min(prequential.rows(), config.learn.window_rows)));
  fmt::print("Candidates    {} measured, {} made live{}\n", candidates.measured(), candidates.promoted(),
             made_live.empty() ? "" : ": " + join(made_live));
  if (counts.refused() > 0) fmt::print("Quarantine    {}\n", job.files().quarantine().string());
  fmt::print("Live          {}/{}\n", job.model().string(), candidates.live());
  fmt::print("Next: ringtrain learn --audit {}\n", job.files().folder.string());
  std::fflush(stdout);
}

}  // namespace ringtrain
