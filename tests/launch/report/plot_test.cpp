#include "launch/report/plot.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "launch/report/axis.h"
#include "launch/report/html.h"

namespace ringtrain::report {
namespace {

std::vector<std::string> texts(const Axis& axis, int wanted) {
  std::vector<std::string> list;
  for (const auto& mark : axis.marks(wanted)) list.push_back(mark.text);
  return list;
}

TEST(ReportAxis, MarksStandAtRoundNumbers) {
  EXPECT_EQ(texts(Axis(0, 1), 5), (std::vector<std::string>{"0", "0.2", "0.4", "0.6", "0.8", "1"}));
  EXPECT_EQ(texts(Axis(0, 100'000), 5), (std::vector<std::string>{"0", "20k", "40k", "60k", "80k", "100k"}));
  EXPECT_EQ(texts(Axis(-0.3, 0.3), 3), (std::vector<std::string>{"-0.2", "0", "0.2"}));
  EXPECT_EQ(texts(Axis(1e-3, 1, true), 5), (std::vector<std::string>{"0.001", "0.01", "0.1", "1"}));
  EXPECT_EQ(texts(Axis(0, 3e-6), 3), (std::vector<std::string>{"0", "1e-06", "2e-06", "3e-06"}));
}

TEST(ReportAxis, OneValueAndNoneHaveAnAxisToo) {
  EXPECT_DOUBLE_EQ(Axis(5, 5).place(5), 0.5);
  EXPECT_DOUBLE_EQ(Axis(0, 0).place(0), 0.5);
  EXPECT_DOUBLE_EQ(Axis(3, 3, true).place(3), 0.5);
  EXPECT_DOUBLE_EQ(Axis(std::numeric_limits<double>::infinity(), 1).place(0.25), 0.25);
  EXPECT_LT(texts(Axis(1e-300, 1e300, true), 5).size(), 8u);
  EXPECT_LT(texts(Axis(-1e308, 1e308), 5).size(), 20u);
}

TEST(ReportPlot, ThinningKeepsTheExtremes) {
  Points points;
  for (int i = 0; i < 100'000; ++i) points.emplace_back(i, i % 1000 == 500 ? 0.5 : 1.0 / (i + 1.0));
  points[70'001].second = 99;
  points[30'003].second = -99;
  points[50'005].second = std::nan("");
  const auto thin = thinned(points, 600);
  EXPECT_LE(thin.size(), 760u);
  double low = 0, high = 0;
  bool lost = false, rising = true;
  for (std::size_t i = 0; i < thin.size(); ++i) {
    low = std::min(low, thin[i].second);
    high = std::max(high, thin[i].second);
    lost = lost || std::isnan(thin[i].second);
    rising = rising && (i == 0 || thin[i - 1].first < thin[i].first);
  }
  EXPECT_EQ(low, -99);
  EXPECT_EQ(high, 99);
  EXPECT_TRUE(lost);
  EXPECT_TRUE(rising);
  EXPECT_EQ(thin.front().first, 0);
  EXPECT_EQ(thin.back().first, 99'999);
  EXPECT_EQ(thinned({{1, 2}}, 600).size(), 1u);
}

TEST(ReportPlot, WhatIsNotFiniteBreaksTheLineAndIsNeverWritten) {
  Plot plot{"loss", "step", "", {{"a", {{1, 1}, {2, std::nan("")}, {3, 3}, {4, INFINITY}, {5, 2}}}}};
  const auto text = plot.text();
  const auto path = text.substr(text.find("class=\"line"));
  const auto drawn = path.substr(0, path.find("/>"));
  EXPECT_EQ(std::count(drawn.begin(), drawn.end(), 'M'), 3);
  for (const char* word : {"nan", "inf"}) EXPECT_EQ(text.find(word), std::string::npos) << text;
  plot.lines[0].points = {{1, std::nan("")}};
  EXPECT_EQ(plot.text(), "");
  EXPECT_EQ((Plot{"loss", "step", "", {}}.text()), "");
}

TEST(ReportHtml, TextFromDataIsHarmless) {
  const std::string bad = "<script>alert(1)</script>\"'&\x01\xff";
  EXPECT_EQ(escaped(bad), "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(excerpt_of("déjà <vu>", 6), "déjà &lt;…");
  EXPECT_EQ(script_json({{"a", "</script><!--"}}), R"({"a":"\u003c/script>\u003c!--"})");
  const Plot plot{bad, bad, bad, {{bad, {{0, 0}, {1, 1}}}}};
  EXPECT_EQ(plot.text().find("<script"), std::string::npos);
  EXPECT_EQ(bars(bad, {{bad, 1, ""}}).find("<script"), std::string::npos);
}

TEST(ReportHtml, NumbersAreReadable) {
  EXPECT_EQ(shown(0.97345132), "0.9735");
  EXPECT_EQ(shown(1'234'567.0), "1,234,567");
  EXPECT_EQ(shown(std::nan("")), "–");
  EXPECT_EQ(shown(1e300), "1e+300");
  EXPECT_EQ(shown(-0.0), "0");
  EXPECT_EQ(percent(0.1234), "12.3 %");
}

}  // namespace
}  // namespace ringtrain::report
