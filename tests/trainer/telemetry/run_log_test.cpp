#include "trainer/telemetry/run_log.h"

#include <gtest/gtest.h>

#include "common/files.h"

namespace ringtrain {
namespace {

TEST(RunLog, ResumingDropsTheStepsThatAreDoneAgain) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "run_log";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  {
    RunLog log(folder, 0);
    for (int step : {10, 20, 30}) {
      log.line({{"step", step}, {"loss", 0.1}});
      log.metrics_row(step, {{"loss", 0.1}, {"auc", std::numeric_limits<double>::quiet_NaN()}});
    }
  }
  {
    RunLog log(folder, 20);
    log.line({{"step", 25}});
    log.metrics_row(25, {{"loss", 1.0 / 3}, {"auc", 0.5}});
  }
  EXPECT_EQ(read_file(folder / "log.jsonl"),
            "{\"step\":10,\"loss\":0.1}\n{\"step\":20,\"loss\":0.1}\n{\"step\":25}\n");
  EXPECT_EQ(read_file(folder / "metrics.csv"),
            "step,loss,auc\n10,0.1,\n20,0.1,\n25,0.3333333333333333,0.5\n");
  { RunLog fresh(folder, 0); }
  EXPECT_EQ(read_file(folder / "log.jsonl"), "");
}

TEST(RunLog, FilesThatAreLinksStayLinks) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "run_log_links";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder / "elsewhere");
  std::filesystem::create_symlink("elsewhere/steps", folder / "log.jsonl");
  std::filesystem::create_symlink("/dev/null", folder / "metrics.csv");
  for (const int resume_step : {0, 5}) {
    RunLog log(folder, resume_step);
    log.line({{"step", 5}});
    log.metrics_row(5, {{"loss", 0.5}});
    EXPECT_EQ(read_file(folder / "elsewhere/steps"),
              resume_step == 0 ? "{\"step\":5}\n" : "{\"step\":5}\n{\"step\":5}\n");
    EXPECT_TRUE(std::filesystem::is_symlink(folder / "log.jsonl"));
    EXPECT_TRUE(std::filesystem::is_symlink(folder / "metrics.csv"));
  }
}

}  // namespace
}  // namespace ringtrain
