#include "trainer/metrics/report.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "common/errors.h"

namespace ringtrain {
namespace {

MetricsReport example() {
  return {.values = {{"accuracy", 0.9375}, {"roc_auc", std::numeric_limits<double>::quiet_NaN()}},
          .confusion = {{56861, 3}, {21, 77}}};
}

TEST(MetricsReport, Lookup) {
  MetricsReport report = example();
  EXPECT_EQ(report.get("accuracy"), 0.9375);
  EXPECT_FALSE(report.find("loss").has_value());
  report.set("loss", 1);
  report.set("accuracy", 0.5);
  EXPECT_EQ(report.values.size(), 3u);
  EXPECT_EQ(report.get("accuracy"), 0.5);
  EXPECT_EQ(report.values.back().first, "loss");
  try {
    report.get("acuracy");
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(
        error.what(),
        "no metric is called 'acuracy'; there are: accuracy, roc_auc, loss. Did you mean 'accuracy'?");
  }
}

TEST(MetricsReport, JsonHasNullForWhatIsUndefined) {
  EXPECT_EQ(example().to_json().dump(),
            R"({"accuracy":0.9375,"roc_auc":null,"confusion_matrix":[[56861,3],[21,77]]})");
  EXPECT_TRUE(example().to_json()["roc_auc"].is_null());
  EXPECT_EQ(MetricsReport().to_json().dump(), "{}");
}

TEST(MetricsReport, TheTableIsAligned) {
  EXPECT_EQ(example().to_table({"legit", "fraud"}),
            "accuracy  0.9375\n"
            "roc_auc   undefined\n"
            "confusion matrix (row: true class, column: predicted class)\n"
            "          legit   fraud\n"
            "  legit  56,861       3\n"
            "  fraud      21      77\n");
  const std::string numbered = example().to_table();
  EXPECT_NE(numbered.find("\n  1      21      77\n"), std::string::npos) << numbered;
}

TEST(MetricsReport, WhichWayIsBetter) {
  EXPECT_TRUE(larger_is_better("f1"));
  EXPECT_TRUE(larger_is_better("r2"));
  for (const char* metric : {"loss", "mae", "rmse", "validation_loss"})
    EXPECT_FALSE(larger_is_better(metric)) << metric;
}

}  // namespace
}  // namespace ringtrain
