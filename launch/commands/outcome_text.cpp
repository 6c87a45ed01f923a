#include "launch/commands/outcome_text.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "common/text.h"
#include "launch/mpirun/subprocess.h"

namespace ringtrain {
namespace {

void print_next(const RunConfig& config, const Trainer& trainer, const std::string& exported,
                const std::string& report) {
  fmt::print("\nNext\n");
  if (report.empty()) fmt::print("  ringtrain report {}\n", shell_quoted(config.job_dir));
  if (exported.empty()) return;
  const auto model = std::filesystem::path(exported).parent_path();
  const auto& reads = trainer.data().preprocessing;
  const bool columns = !reads.tokens && !reads.signature;
  fmt::print("  ringtrain predict {} {}\n", shell_quoted(model.string()),
             columns ? "--input " + shell_quoted(config.data.train_file)
                     : std::string("--json-instances rows.jsonl"));
  fmt::print("  ringtrain serve {}\n", shell_quoted(model.parent_path().string()));
}

}  // namespace

void print_outcome(const RunConfig& config, const Trainer& trainer, const Outcome& outcome,
                   const Exported& exported, const std::string& report) {
  const auto& labels = trainer.data().preprocessing.labels;
  fmt::print("\nTest part ({} rows), checkpoint of step {}{}:\n{}", with_commas(trainer.data().test->size()),
             with_commas(outcome.exported_step),
             outcome.head.is_binary() ? fmt::format(", positive class '{}', threshold {:.4f}", labels.back(),
                                                    outcome.head.thresholds[0])
                                      : "",
             outcome.test.to_table(labels));
  if (outcome.test.confusion.size() > kMostShown)
    fmt::print("Confusion     {}/confusion_matrix.csv\n", config.job_dir);
  if (!outcome.advice.empty()) fmt::print("\nPlease note\n");
  for (const auto& sentence : outcome.advice) fmt::print("  - {}\n", sentence);
  if (!exported.tests.empty()) fmt::print("\nTests\n{}", behaviour_table(exported.tests));
  const auto version = exported.version.string();
  fmt::print("\nJob folder    {}\n", config.job_dir);
  if (!version.empty()) fmt::print("Exported      {}\n", version);
  if (!report.empty()) fmt::print("Report        {}\n", report);
  print_next(config, trainer, version, report);
  std::fflush(stdout);
}

}  // namespace ringtrain
