#include "trainer/telemetry/trace.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "comm/backends.h"

namespace ringtrain {
namespace {

TEST(Trace, HoldsALaneForEachRankAndStopsAfterItsSteps) {
  const auto file = std::filesystem::path(testing::TempDir()) / "trace_test.json";
  std::filesystem::remove(file);
  run_as_threads(2, [&](Communicator& control) {
    Trace trace(control, 2);
    for (int step = 0; step < 3; ++step) {
      {
        const auto span = trace.span("forward");
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
      trace.add_beside("bucket 0", Trace::Clock::now() - std::chrono::milliseconds(1), Trace::Clock::now());
      EXPECT_EQ(trace.end_step(control, file), step == 1);
    }
    EXPECT_FALSE(trace.records());
  });
  const auto json = nlohmann::json::parse(std::ifstream(file));
  std::map<int, int> spans;
  std::map<std::string, double> beside;  // by id, which belongs to one begin and one end
  for (const auto& event : json.at("traceEvents")) {
    if (event.at("ph") == "b" || event.at("ph") == "e") {
      EXPECT_EQ(event.at("name"), "bucket 0");
      beside[event.at("id")] += (event.at("ph") == "b" ? -1 : 1) * event.at("ts").get<double>();
    }
    if (event.at("ph") != "X") continue;
    ++spans[event.at("pid").get<int>()];
    EXPECT_EQ(event.at("name"), "forward");
    EXPECT_GE(event.at("dur").get<double>(), 2000);
    EXPECT_GE(event.at("ts").get<double>(), 0);
  }
  EXPECT_EQ(spans, (std::map<int, int>{{0, 2}, {1, 2}}));
  EXPECT_EQ(beside.size(), 4U);
  for (const auto& [id, duration] : beside) EXPECT_NEAR(duration, 1000, 500) << id;
  std::filesystem::remove(file);
}

TEST(Trace, RecordsNothingUnlessAsked) {
  run_as_threads(1, [](Communicator& control) {
    Trace trace(control, 0);
    { const auto span = trace.span("forward"); }
    EXPECT_FALSE(trace.end_step(control, "/nowhere/trace.json"));
  });
}

}  // namespace
}  // namespace ringtrain
