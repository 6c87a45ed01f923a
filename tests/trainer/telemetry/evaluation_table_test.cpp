#include "trainer/telemetry/evaluation_table.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ringtrain {
namespace {

MetricsReport report_of(std::initializer_list<std::pair<const char*, double>> values) {
  MetricsReport report;
  for (const auto& [name, value] : values) report.set(name, value);
  return report;
}

TEST(EvaluationTable, AlignsMetricsBelowTheirNames) {
  EvaluationTable table(100);
  EXPECT_EQ(table.row(1370, 1, 0.02134, report_of({{"loss", 0.01}, {"accuracy", 0.999}, {"f1", NAN}}), true),
            "validation part; * is the best so far\n"
            "     step  epoch  train loss     loss  accuracy       f1\n"
            "    1,370    1.0      0.0213   0.0100    0.9990        - *");
  EXPECT_EQ(table.row(2740, 2, 0.5, report_of({{"loss", 0.02}, {"accuracy", 1}, {"f1", 0.5}}), false),
            "    2,740    2.0      0.5000   0.0200    1.0000   0.5000");
}

TEST(EvaluationTable, LeavesOutWhatDoesNotFit) {
  EvaluationTable table(50);
  const auto text = table.row(1, 0.5, 12345.678, report_of({{"loss", 1e9}, {"a_long_name", 1}}), false);
  EXPECT_EQ(text.find("a_long_name"), std::string::npos) << text;
  EXPECT_NE(text.find("12345.7"), std::string::npos) << text;
  EXPECT_NE(text.find("1e+09"), std::string::npos) << text;
}

}  // namespace
}  // namespace ringtrain
