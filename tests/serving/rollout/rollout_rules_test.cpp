#include "serving/rollout/rollout_rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <random>

#include "common/errors.h"
#include "serving/rollout/decisions.h"
#include "tests/common/temporary_folder.h"
#include "tests/serving/thrown.h"

namespace ringtrain::test {
namespace {

Rollout canary() {
  Rollout rollout;
  rollout.id = "an-id";
  rollout.version = 3;
  rollout.live = 2;
  rollout.begun = "2026-01-05T12:00:03.412Z";
  rollout.plan = parse_plan("5% 10s, 50% 20s, 100%");
  return rollout;
}

void answer(SideCounts& side, int count, double seconds, int failed = 0) {
  side.requests += static_cast<std::uint64_t>(count);
  side.failed += static_cast<std::uint64_t>(failed);
  for (int i = failed; i < count; ++i) side.latencies.add(seconds);
}

std::string rule_of(const Rollout& rollout) {
  const auto broken = broken_rule(rollout);
  return broken ? broken->rule : "";
}

TEST(RolloutRules, FailedAnswersCountAfterEnoughRequests) {
  auto rollout = canary();
  answer(rollout.progress.candidate, 199, 0.001, 199);
  EXPECT_EQ(rule_of(rollout), "");
  answer(rollout.progress.candidate, 1, 0.001);
  ASSERT_EQ(rule_of(rollout), "errors");
  EXPECT_EQ(broken_rule(rollout)->reason, "199 of 200 answers of version 3 failed, 99.5%; the bound is 1%");
  answer(rollout.progress.live, 100, 0.001, 100);
  EXPECT_EQ(rule_of(rollout), "") << "the live version fails more";
  rollout = canary();
  answer(rollout.progress.candidate, 200, 0.001, 2);
  EXPECT_EQ(rule_of(rollout), "") << "1% is the bound, not above it";
}

TEST(RolloutRules, SlowAnswers) {
  auto rollout = canary();
  answer(rollout.progress.live, 1000, 0.010);
  answer(rollout.progress.candidate, 1000, 0.019);
  EXPECT_EQ(rule_of(rollout), "");
  answer(rollout.progress.candidate, 15, 0.5);
  EXPECT_EQ(rule_of(rollout), "") << "15 of 1,015 may be chance: 10 are usual, 20 clearly more";
  answer(rollout.progress.candidate, 10, 0.5);
  ASSERT_EQ(rule_of(rollout), "p99");
  rollout.rules.p99 = 60;
  EXPECT_EQ(rule_of(rollout), "");
}

TEST(RolloutRules, SlowRunsWhereTheLiveVersionWaitsForThreads) {
  auto rollout = canary();
  answer(rollout.progress.live, 1000, 0.090);
  answer(rollout.progress.candidate, 1000, 0.095);
  for (int i = 0; i < 1000; ++i) {
    rollout.progress.live.runs.add(0.001);
    rollout.progress.candidate.runs.add(0.0015);
  }
  EXPECT_EQ(rule_of(rollout), "");
  for (int i = 0; i < 50; ++i) rollout.progress.candidate.runs.add(0.05);
  ASSERT_EQ(rule_of(rollout), "p99");
  EXPECT_NE(broken_rule(rollout)->reason.find("99% of the runs of version 3"), std::string::npos);
  rollout.plan = parse_plan("60% 10s, 100%");
  EXPECT_EQ(rule_of(rollout), "") << "its runs may have more rows";
}

TEST(RolloutRules, DistantScores) {
  auto rollout = canary();
  answer(rollout.progress.live, 1000, 0.01);
  answer(rollout.progress.candidate, 1000, 0.01);
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  for (int i = 0; i < 1000; ++i) {
    rollout.progress.distance.add_live({normal(random)});
    rollout.progress.distance.add_candidate({normal(random)});
  }
  EXPECT_LT(*rollout.progress.distance.value(), 0.1);
  EXPECT_EQ(rule_of(rollout), "");
  for (int i = 0; i < 2000; ++i) rollout.progress.distance.add_candidate({normal(random) + 1});
  EXPECT_EQ(rule_of(rollout), "distance");
}

TEST(RolloutRules, Feedback) {
  auto rollout = canary();
  for (int i = 0; i < 100; ++i) {
    rollout.progress.evidence.add_live(0);
    rollout.progress.evidence.add_candidate(i % 2);
  }
  ASSERT_EQ(rule_of(rollout), "feedback");
  EXPECT_NE(broken_rule(rollout)->reason.find("mean loss 0.5, of version 2 0;"), std::string::npos)
      << broken_rule(rollout)->reason;
}

TEST(RolloutRules, AStageNeedsItsTimeAndItsRequests) {
  auto rollout = canary();
  rollout.progress.seconds = 10;
  EXPECT_FALSE(stage_is_over(rollout));
  answer(rollout.progress.candidate, 200, 0.01);
  answer(rollout.progress.live, 3800, 0.01);
  EXPECT_TRUE(stage_is_over(rollout));
  rollout.progress.seconds = 9.9;
  EXPECT_FALSE(stage_is_over(rollout));
  begin_next_stage(rollout);
  EXPECT_EQ(rollout.share(), 0.5);
  EXPECT_EQ(rollout.progress.seconds, 0);
  EXPECT_EQ(rollout.progress.candidate.requests + rollout.progress.live.requests, 0U);
  answer(rollout.progress.live, 300, 0.01);
  begin_next_stage(rollout);
  EXPECT_EQ(rollout.progress.live.requests, 300U) << "nothing new comes to compare with";
  EXPECT_TRUE(stage_is_over(rollout)) << "the last one has no time";
}

TEST(ScoreDistance, IsThePopulationStabilityIndex) {
  // Live: 0..999, a hundred in each bin. The candidate's are in the lower five bins alone.
  ScoreDistance distance;
  std::vector<double> first(ScoreDistance::kForBins);
  for (std::size_t i = 0; i < first.size(); ++i) first[i] = static_cast<double>(i);
  distance.add_live(first);
  for (int i = 0; i < 250; ++i) distance.add_candidate({static_cast<double>(i)});
  // By hand: five bins of 100/250 against 50/500 (a tenth each), five of 0, two of 0 and 0, with half a score
  // added to each of twelve.
  const auto share = [](double count, double all) { return (count + 0.5) / (all + 6); };
  double expected = 0;
  for (const auto& [live, candidate] : {std::pair{51.0, 51.0},
                                        {50, 50},
                                        {50, 50},
                                        {50, 50},
                                        {50, 49},
                                        {50, 0},
                                        {50, 0},
                                        {50, 0},
                                        {50, 0},
                                        {49, 0},
                                        {0, 0},
                                        {0, 0}}) {
    const double l = share(live, 500), c = share(candidate, 250);
    expected += (c - l) * std::log(c / l);
  }
  EXPECT_NEAR(*distance.value(), expected, 0.02);
}

TEST(ScoreDistance, ScoresThatAreAllTheSame) {
  ScoreDistance distance;
  distance.add_live(std::vector<double>(600, 0.5));
  EXPECT_FALSE(distance.value());
  distance.add_candidate(std::vector<double>(600, 0.5));
  EXPECT_NEAR(*distance.value(), 0, 1e-9);
  distance.add_candidate(std::vector<double>(600, 0.4));
  EXPECT_GT(*distance.value(), 0.25);
}

TEST(ScoreDistance, NoNumbersAreKeptAndFar) {
  ScoreDistance distance;
  distance.add_candidate(std::vector<double>(300, std::nan("")));
  distance = ScoreDistance::from_json(nlohmann::json::parse(distance.to_json().dump()));
  distance.add_live(std::vector<double>(600, 0.5));
  EXPECT_EQ(distance.candidate(), 300U);
  EXPECT_GT(*distance.value(), 0.25);
  distance.add_candidate({std::nan("")});
  EXPECT_EQ(ScoreDistance::from_json(nlohmann::json::parse(distance.to_json().dump())).value(),
            distance.value());
}

TEST(Decisions, ALineThatWasCutStandsAloneAndKeysAreFound) {
  const TemporaryFolder folder;
  EXPECT_TRUE(keys_of_canaries(folder.path()).empty());
  auto rollout = canary();
  append_decision(folder.path(), rollout, "begun", "");
  EXPECT_TRUE(keys_of_canaries(folder.path()).empty());
  std::ofstream(folder.path() / "decisions.jsonl", std::ios::app) << R"({"time": "20)";
  rollout.key = "customer";
  append_decision(folder.path(), rollout, "stage", "");
  EXPECT_EQ(last_decision(folder.path())->value("event", ""), "stage");
  append_decision(folder.path(), canary(), "stopped", "");
  EXPECT_EQ(keys_of_canaries(folder.path()), std::set<std::string>{"customer"});
  std::ifstream file(folder.path() / "decisions.jsonl");
  EXPECT_EQ(std::count(std::istreambuf_iterator<char>(file), {}, '\n'), 4);
}

TEST(Rollout, ItsFileIsReadAsItIs) {
  const TemporaryFolder folder;
  EXPECT_FALSE(Rollout::read(folder.path()));
  auto rollout = canary();
  rollout.key = "customer";
  rollout.rules.p99 = 3.5;
  answer(rollout.progress.candidate, 30, 0.02, 4);
  answer(rollout.progress.live, 300, 0.01);
  rollout.progress.stage = 1;
  rollout.progress.distance.add_live(std::vector<double>(700, 0.25));
  rollout.progress.distance.add_candidate({0.5, 0.25});
  rollout.progress.evidence.add_live(1);
  rollout.progress.candidate.runs.add(0.003);
  rollout.write(folder.path());
  const auto again = Rollout::read(folder.path()).value();
  EXPECT_EQ(summary_of(again).dump(), summary_of(rollout).dump());
  EXPECT_EQ(again.rules, rollout.rules);
  EXPECT_EQ(again.plan, rollout.plan);
  again.write(folder.path());
  EXPECT_EQ(summary_of(*Rollout::read(folder.path())).dump(), summary_of(rollout).dump());
}

TEST(Rollout, AFileThatCannotBeUnderstoodIsNamed) {
  const TemporaryFolder folder;
  for (const char* text : {"", "{}", "[]", R"({"kind": "hidden"})"}) {
    std::ofstream(Rollout::file_of(folder.path())) << text;
    EXPECT_NE(thrown<ExportError>([&] { Rollout::read(folder.path()); }).find("rollout.json: "),
              std::string::npos);
  }
}

TEST(Latencies, QuantilesToTwoPercent) {
  Latencies latencies;
  EXPECT_EQ(latencies.quantile(0.99), 0);
  for (int i = 1; i <= 1000; ++i) latencies.add(i * 1e-3);
  EXPECT_NEAR(latencies.quantile(0.5), 0.5, 0.011);
  EXPECT_NEAR(latencies.quantile(0.99), 0.99, 0.021);
  EXPECT_NEAR(static_cast<double>(latencies.above(0.9)), 100, 20);
  EXPECT_EQ(Latencies::from_json(latencies.to_json()).quantile(0.99), latencies.quantile(0.99));
}

}  // namespace
}  // namespace ringtrain::test
