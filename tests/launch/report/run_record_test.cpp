#include "launch/report/run_record.h"

#include <gtest/gtest.h>

#include "common/errors.h"
#include "common/files.h"
#include "launch/report/page.h"
#include "tests/common/temporary_folder.h"

namespace ringtrain::report {
namespace {

using Lines = std::vector<std::string>;

RunRecord record_of(const test::TemporaryFolder& folder, const Lines& lines,
                    const std::string& config = "name: x\n") {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  write_file_atomically(folder.path() / "log.jsonl", text);
  write_file_atomically(folder.path() / "config.yaml", config);
  return RunRecord::read(folder.path());
}

const std::string kStart = R"({"event":"start","step":0,"ranks":2,"time":"2026-01-05T12:00:00.000Z"})";
const std::string kStep =
    R"({"event":"step","step":10,"loss":null,"samples_per_second":5.0,"seconds":4.0,"loading_seconds":1.0,"steps":10,"averaging_exposed_ms":50.0})";
const std::string kTest =
    R"({"event":"evaluation","step":10,"part":"test","best":true,"loss":0.5,"roc_auc":null,"seconds":2.0})";

TEST(ReportRunRecord, SaysHowARunEnded) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(record_of(folder, {kStart, kStep, kTest}).state, "ended");
  EXPECT_EQ(record_of(folder, {kStart, kStep}).state, "failed, or killed: its log has no end");
  // Resumed after its end, and killed before the next evaluation.
  const std::string again = R"({"event":"start","step":10,"ranks":1,"time":"2026-01-05T13:00:00.000Z"})";
  const auto resumed = record_of(folder, {kStart, kStep, kTest, again});
  EXPECT_EQ(resumed.state, "failed, or killed: its log has no end");
  EXPECT_EQ(resumed.events.back().kind, "restart");
  const std::string stop =
      R"({"event":"note","step":10,"text":"stopped by a signal after step 10; the checkpoint is written"})";
  EXPECT_EQ(record_of(folder, {kStart, kStep, stop}).state, "stopped by a signal after step 10");
  write_file_atomically(folder.path() / "job.lock", "{}");
  EXPECT_EQ(record_of(folder, {kStart, kStep}).state, "running, or killed: its log has no end");
}

TEST(ReportRunRecord, TimeIsDividedAmongItsParts) {
  const test::TemporaryFolder folder;
  const std::string checkpoint = R"({"event":"checkpoint","step":10,"blocked_seconds":0.25})";
  // A line of steps has the time since the one before, and so what stands between the two.
  const auto between = record_of(folder, {kStep, checkpoint, kStep});
  EXPECT_DOUBLE_EQ(between.spent.whole, 8);
  EXPECT_DOUBLE_EQ(between.spent.computing(), 2 * (4 - 1 - 0.5) - 0.25);
  // What follows on the last one is in no line of steps.
  const auto record = record_of(folder, {kStep, checkpoint});
  EXPECT_DOUBLE_EQ(record.spent.whole, 4.25);
  EXPECT_DOUBLE_EQ(record.spent.loading, 1);
  EXPECT_DOUBLE_EQ(record.spent.waiting, 0.5);
  EXPECT_DOUBLE_EQ(record.spent.checkpoints, 0.25);
  EXPECT_DOUBLE_EQ(record.spent.computing(), 4 - 1 - 0.5);
  // So it is before a run that goes on.
  const std::string again = R"({"event":"start","step":10,"ranks":1})";
  EXPECT_DOUBLE_EQ(record_of(folder, {kStep, checkpoint, again, kStep}).spent.whole, 8.25);
}

TEST(ReportRunRecord, TornAndStrangeLinesArePassedOver) {
  const test::TemporaryFolder folder;
  const auto record = record_of(
      folder, {kStep, "{\"event\":\"st", "[1]", "", R"({"event":"step","step":"x","loss":"y"})", "\xff"});
  EXPECT_EQ(record.torn_lines, 3);
  EXPECT_EQ(record.last_step, 10);
}

TEST(ReportRunRecord, AFolderOfAnEarlierVersionHasCurvesWithoutTimes) {
  const test::TemporaryFolder folder;
  const auto record = record_of(
      folder,
      {R"({"event":"note","step":0,"text":"mlp"})",
       R"({"event":"step","step":5,"epoch":1,"loss":0.5,"learning_rate":0.1,"samples_per_second":7.0})",
       kTest});
  EXPECT_EQ(record.steps.at("loss").size(), 1u);
  EXPECT_EQ(record.spent.whole, 0);
  const auto page = page_of({{record, nlohmann::ordered_json::object(), "old"}});
  EXPECT_EQ(page.find("id=\"time\""), std::string::npos);
  EXPECT_NE(page.find("id=\"curves\""), std::string::npos);
}

TEST(ReportRunRecord, WarningsOfAllRanksAreThereOnce) {
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder.path() / "logs");
  for (const char* rank : {"00", "01"})
    write_file_atomically(folder.path() / "logs" / (std::string("rank-") + rank + ".log"),
                          "2026-01-05T11:00:00.000Z INFO  [rank 00/02 h cpu] fine\n"
                          "2026-01-05T12:30:00.000Z WARN  [rank 00/02 h cpu] the disk is nearly full\n"
                          "2026-01-05T12:31:00.000Z ERROR [rank 00/02 h cpu] all is lost\nhalf a li");
  const auto record = record_of(
      folder, {kStart, R"({"event":"advice","step":3,"text":"few rows","time":"2026-01-05T12:40:00.000Z"})"});
  EXPECT_EQ(record.warnings(), (Lines{"the disk is nearly full", "all is lost", "few rows"}));
}

TEST(ReportRunRecord, OtherFoldersAreRefusedWithWhatToGive) {
  const test::TemporaryFolder folder;
  for (const auto& place : {folder.path(), folder.path() / "none"}) {
    try {
      RunRecord::read(place);
      FAIL();
    } catch (const ConfigError& error) {
      EXPECT_NE(std::string(error.what()).find(place.string()), std::string::npos);
      EXPECT_NE(std::string(error.what()).find("jobs/NAME"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace ringtrain::report
