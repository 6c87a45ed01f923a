#include "serving/server/metrics.h"

#include <gtest/gtest.h>

#include <memory>

namespace ringtrain::test {
namespace {

std::size_t lines_of(Metrics& metrics, const std::string& part) {
  const auto text = metrics.text({});
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

TEST(Metrics, TheSeriesOfAVersionGoWithIt) {
  Metrics metrics;
  const auto size = metrics.text({}).size();
  for (int version = 1; version <= 300; ++version) {
    const Metrics::Version one(metrics, "fraud", version, {"shop", "country"});
    EXPECT_GT(lines_of(metrics, "version=\"" + std::to_string(version) + "\""), 30U);
  }
  EXPECT_LT(metrics.text({}).size(), size + 200);
  EXPECT_EQ(lines_of(metrics, "version="), 0U);
}

TEST(Metrics, AVersionThatIsLoadedAnewGoesOnCounting) {
  Metrics metrics;
  auto before = std::make_unique<Metrics::Version>(metrics, "fraud", 1, std::vector<std::string>{"shop"});
  before->rows.Increment(3);
  const Metrics::Version after(metrics, "fraud", 1, {"country"});
  before.reset();
  after.rows.Increment(4);
  EXPECT_EQ(lines_of(metrics, "ringtrain_rows_total{model=\"fraud\",version=\"1\"} 7"), 1U);
  EXPECT_EQ(lines_of(metrics, "column=\"shop\""), 0U);
  EXPECT_EQ(lines_of(metrics, "column=\"country\""), 1U);
}

}  // namespace
}  // namespace ringtrain::test
