#include "trainer/metrics/report.h"

#include <gtest/gtest.h>

#include <algorithm>
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

/// 25 classes, each of 10 rows, of which class k has k % 4 rows taken for class 0.
MetricsReport many_classes() {
  MetricsReport report;
  report.confusion.assign(25, std::vector<std::int64_t>(25, 0));
  for (std::size_t k = 0; k < 25; ++k) {
    report.confusion[k][0] += static_cast<std::int64_t>(k % 4);
    report.confusion[k][k] += 10 - static_cast<std::int64_t>(k % 4);
  }
  return report;
}

TEST(MetricsReport, OfManyClassesTheWorstPairsAreShown) {
  const auto pairs = worst_pairs(many_classes().confusion);
  ASSERT_EQ(pairs.size(), 10u);
  EXPECT_EQ(pairs[0].actual, 3u);  // 3, 7, 11, 15, 19, 23 have 3 rows each, then 2, 6, 10, 14 have 2
  EXPECT_EQ(pairs[5].actual, 23u);
  EXPECT_EQ(pairs[6].actual, 2u);
  EXPECT_EQ(pairs[6].rows, 2);
  const auto table = many_classes().to_table({"none", "one"});
  EXPECT_EQ(table.substr(0, table.find("\n  7 ->")),
            "25 classes; those confused most (true class -> predicted class: rows)\n  3 -> none: 3");
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 11);
}

TEST(MetricsReport, TheMatrixAsCsv) {
  EXPECT_EQ(confusion_csv({{5, 1}, {2, 7}}, {"a, or \"b\"", "c"}),
            "true,\"a, or \"\"b\"\"\",c\n\"a, or \"\"b\"\"\",5,1\nc,2,7\n");
}

}  // namespace
}  // namespace ringtrain
