#include "trainer/checks/columns.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "comm/world.h"
#include "tests/common/temporary_folder.h"
#include "trainer/checks/check.h"
#include "trainer/checks/identifiers.h"
#include "trainer/checks/session.h"

namespace ringtrain::checks {
namespace {

class ColumnsOfRuns : public testing::Test {
 protected:
  /// `rows` with the target y, a class.
  Session& session(const std::string& rows, const std::string& data,
                   const std::vector<std::string>& set = {}) {
    folder_.write("rows.csv", rows);
    folder_.write("config.yaml", fmt::format("data: {{train_file: {0}/rows.csv, target: y, {1}}}\n"
                                             "task: {{type: binary_classification}}\nmodel: {{type: mlp}}\n"
                                             "job_dir: {0}/job\n",
                                             folder_.path().string(), data));
    session_ = std::make_unique<Session>(
        world_, RunConfig::load((folder_.path() / "config.yaml").string(), set), signal_);
    return *session_;
  }
  const test::TemporaryFolder folder_;
  World world_;
  const StopSignal signal_;
  std::unique_ptr<Session> session_;
};

std::string some_rows(int count) {
  std::string text = "price,shop,city,id,y\n";
  for (int i = 0; i < count; ++i)
    text += fmt::format("{},{},{},{},{}\n", 2.5 * i, i % 3 ? "a" : "b", i % 5 ? "x" : "y", 1000 + i * i,
                        i % 2 ? "no" : "yes");
  return text;
}

TEST_F(ColumnsOfRuns, AreThoseOfTheTable) {
  auto& subject =
      session(some_rows(60), "features: {categorical: [shop, city], encodings: {embedding: [city]}}")
          .subject();
  const auto* columns = subject.columns();
  ASSERT_TRUE(columns);
  ASSERT_EQ(columns->names.size(), 4U);
  EXPECT_EQ(columns->names[0].name, "price");
  EXPECT_EQ(columns->names[2].name, "shop");
  EXPECT_TRUE(columns->names[2].category);
  EXPECT_EQ(columns->names[3].name, "city");
  EXPECT_EQ(columns->goal.classes, 2);
  const auto all = columns->joined(1000);
  ASSERT_EQ(all.rows(), 60U);
  for (std::size_t r = 0; r < all.rows(); ++r) {
    const auto row = static_cast<double>(all.places[r]);
    EXPECT_NEAR(columns->raw(0, all.columns[0][r]), 2.5 * row, 1e-3);
    // "a" comes before "b", "no" before "yes".
    EXPECT_EQ(all.columns[2][r], all.places[r] % 3 ? 0 : 1);
    EXPECT_EQ(all.target[r], all.places[r] % 2 ? 0 : 1);
  }
  EXPECT_EQ(all.features.size(1), columns->names[3].first + columns->names[3].width);
  // A share of each part, evenly spread.
  EXPECT_LE(columns->joined(12).rows(), 12U);
  EXPECT_GE(columns->joined(12).rows(), 10U);
}

TEST_F(ColumnsOfRuns, OfWhichIdentifiersAreFound) {
  auto& subject = session(some_rows(60), "features: {categorical: [shop, city]}").subject();
  const auto found = identifiers_of(*subject.columns());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(subject.columns()->names[found[0].column].name, "id");
}

TEST_F(ColumnsOfRuns, FindingsNameTheirCheck) {
  auto& subject = session(some_rows(60), "features: {categorical: [shop, city]}").subject();
  auto chosen = all_checks();
  choose(chosen, {"row_order", "columns", "classes", "settings"}, {});
  const auto findings = run_checks(chosen, subject);
  ASSERT_EQ(findings.size(), 4U);
  for (std::size_t i = 0; i < findings.size(); ++i) {
    EXPECT_EQ(findings[i].what, chosen[i]->name());
    EXPECT_EQ(findings[i].remedy.empty(), findings[i].level == Finding::Level::good);
  }
}

}  // namespace
}  // namespace ringtrain::checks
