#include "trainer/telemetry/telemetry.h"

#include <gtest/gtest.h>

#include <limits>
#include <sstream>

#include "common/files.h"
#include "tests/common/temporary_folder.h"

namespace ringtrain {
namespace {

std::vector<nlohmann::json> lines_of(const std::filesystem::path& file) {
  std::vector<nlohmann::json> lines;
  std::istringstream in(read_file(file));
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST(Telemetry, WhatIsUndefinedIsNullInTheLog) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const test::TemporaryFolder folder;
  Telemetry telemetry(
      {.folder = folder.path(), .total_steps = 10, .log_every_steps = 1, .positive_class = "left"});
  telemetry.evaluation(5, "validation", none, {.values = {{"loss", 0.5}, {"roc_auc", none}}, .confusion = {}},
                       false);
  telemetry.step(6, {.weight = 0, .loss_sum = 0}, 0.1);
  telemetry.advice(6, "the test part is empty");
  const auto lines = lines_of(folder.path() / "log.jsonl");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_TRUE(lines[0].at("roc_auc").is_null());
  EXPECT_TRUE(lines[0].at("train_loss").is_null());
  EXPECT_EQ(lines[0].at("loss"), 0.5);
  EXPECT_EQ(lines[0].at("positive_class"), "left");
  EXPECT_TRUE(lines[1].at("loss").is_null());
  EXPECT_EQ(lines[2].at("event"), "advice");
  EXPECT_EQ(read_file(folder.path() / "metrics.csv"),
            "step,epoch,train_loss,validation_loss,validation_roc_auc\n5,5,,0.5,\n");
}

}  // namespace
}  // namespace ringtrain
