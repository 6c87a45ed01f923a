#include "launch/jobs/search_space.h"

#include <gtest/gtest.h>

#include "common/errors.h"

namespace ringtrain {
namespace {

using Words = std::vector<std::string>;
using Points = std::vector<std::vector<double>>;

std::string problem_of(const std::string& text) {
  try {
    SearchSpace::parse(text, "space.yaml");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(SearchSpace, ValuesCoverTheirRanges) {
  const auto space = SearchSpace::parse(
      "trainer.optimizer.lr: {log_uniform: [1e-4, 1e-2]}\n"
      "model:\n  dropout: {uniform: [0, 0.5]}\n  hidden: {choice: [[32], [64, 64], 'a, b']}\n"
      "trainer.accumulate: {int: [1, 4]}\n",
      "space.yaml");
  EXPECT_EQ(space.at({0, 0, 0, 0}), (Words{"trainer.optimizer.lr=0.0001", "model.dropout=0",
                                           "model.hidden=[32]", "trainer.accumulate=1"}));
  EXPECT_EQ(space.at({0.5, 0.5, 0.5, 0.5}), (Words{"trainer.optimizer.lr=0.001", "model.dropout=0.25",
                                                   "model.hidden=[64, 64]", "trainer.accumulate=3"}));
  EXPECT_EQ(space.at({0.9999999999999, 0.9999999999999, 0.9999999999999, 0.9999999999999}),
            (Words{"trainer.optimizer.lr=0.01", "model.dropout=0.5", "model.hidden=\"a, b\"",
                   "trainer.accumulate=4"}));
}

TEST(SearchSpace, AllThatIsWrongIsToldWithItsLine) {
  const auto text = problem_of(
      "a.b: {log_unifrom: [1, 2]}\nc: {uniform: [2, 1]}\nd: {log_uniform: [0, 1]}\ne: {int: [1.5, 2]}\n"
      "f: {choice: []}\ng: {uniform: [x, 1]}\nh: {int: [1, 2]}\n");
  for (const char* part : {"'log_unifrom'. Did you mean 'log_uniform'? (space.yaml:1)",
                           "c.uniform: the first number is larger", "d.log_uniform: expected numbers above 0",
                           "e.int: expected two whole numbers", "f.choice: expected a value",
                           "g.uniform: expected two numbers, such as [1, 4]; got [x, 1] (space.yaml:6)"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in " << text;
  EXPECT_EQ(text.find("h.int"), std::string::npos);
  EXPECT_NE(problem_of("a: 3\n").find("a: expected a list, got 3 (space.yaml:1)"), std::string::npos);
  EXPECT_NE(problem_of("{}\n").find("space.yaml: nothing is varied"), std::string::npos);
  EXPECT_NE(problem_of("a.b: {int: [1, 2]}\na: {b: {int: [1, 2]}}\n").find("it stands there twice"),
            std::string::npos);
}

/// As torch.quasirandom.SobolEngine(3).draw(6).
TEST(SearchSpace, SobolsSequence) {
  EXPECT_EQ(sobol_points(3, 6, 0), (Points{{0, 0, 0},
                                           {0.5, 0.5, 0.5},
                                           {0.75, 0.25, 0.25},
                                           {0.25, 0.75, 0.75},
                                           {0.375, 0.375, 0.625},
                                           {0.875, 0.875, 0.125}}));
}

TEST(SearchSpace, ShiftedPointsStillCoverEachEighthOnce) {
  const auto points = sobol_points(2, 8, 5);
  for (std::size_t d = 0; d < 2; ++d) {
    std::vector<int> eighths(8);
    for (const auto& point : points) ++eighths.at(static_cast<std::size_t>(point[d] * 8));
    EXPECT_EQ(eighths, std::vector<int>(8, 1));
  }
  EXPECT_NE(points, sobol_points(2, 8, 6));
}

TEST(SearchSpace, MorePointsBeginWithTheSame) {
  for (const auto& draw : {random_points, sobol_points}) {
    auto more = draw(3, 20, 7);
    more.resize(5);
    EXPECT_EQ(more, draw(3, 5, 7));
    EXPECT_EQ(draw(3, 1, 7).size(), 1u);
  }
}

}  // namespace
}  // namespace ringtrain
