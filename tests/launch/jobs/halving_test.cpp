#include "launch/jobs/halving.h"

#include <gtest/gtest.h>

#include <limits>

namespace ringtrain {
namespace {

using RungTrials = std::vector<RungTrial>;

/// One at a time; the loss of a trial is its number.
RungTrials run(Halving halving, double sign = 1) {
  RungTrials all;
  while (const auto attempt = halving.next()) {
    all.push_back(*attempt);
    halving.ended(*attempt, sign * static_cast<double>(attempt->trial));
  }
  return all;
}

TEST(Halving, OneRungIsAllTrialsInTurn) {
  EXPECT_EQ(run({4, 1, 3}), (RungTrials{{0, 0}, {1, 0}, {2, 0}, {3, 0}}));
}

/// Li et al.: of nine with eta 3 and three rungs, the promotion comes as soon as a third has been seen.
TEST(Halving, TheBestThirdGoesOnAsSoonAsItIsKnown) {
  EXPECT_EQ(run({9, 3, 3}), (RungTrials{{0, 0},
                                        {1, 0},
                                        {2, 0},
                                        {0, 1},
                                        {3, 0},
                                        {4, 0},
                                        {5, 0},
                                        {1, 1},
                                        {6, 0},
                                        {7, 0},
                                        {8, 0},
                                        {2, 1},
                                        {0, 2}}));
  // Each better than all before it.
  EXPECT_EQ(run({4, 2, 2}, -1), (RungTrials{{0, 0}, {1, 0}, {1, 1}, {2, 0}, {2, 1}, {3, 0}, {3, 1}}));
}

TEST(Halving, TheBestOfFewReachesTheLastRungAllTheSame) {
  EXPECT_EQ(run({2, 3, 3}), (RungTrials{{0, 0}, {1, 0}, {0, 1}, {0, 2}}));
}

TEST(Halving, SeveralAtOnceWaitForWhatIsUnderWay) {
  Halving halving(2, 2, 2);
  EXPECT_EQ(halving.next(), (RungTrial{0, 0}));
  EXPECT_EQ(halving.next(), (RungTrial{1, 0}));
  EXPECT_FALSE(halving.next());
  halving.ended({1, 0}, 5);
  EXPECT_FALSE(halving.next()) << "trial 0 may be better";
  halving.ended({0, 0}, 7);
  EXPECT_EQ(halving.next(), (RungTrial{1, 1}));
  EXPECT_FALSE(halving.next());
}

TEST(Halving, WhatFailedGoesNowhere) {
  Halving halving(2, 2, 2);
  halving.next();
  halving.next();
  halving.ended({0, 0}, std::numeric_limits<double>::infinity());
  halving.ended({1, 0}, std::numeric_limits<double>::infinity());
  EXPECT_FALSE(halving.next());
}

TEST(Halving, GoesOnFromWhatAnEarlierProcessDecided) {
  const auto whole = run({9, 3, 3});
  for (std::size_t known = 0; known <= whole.size(); ++known) {
    Halving halving(9, 3, 3);
    for (std::size_t i = 0; i < known; ++i) {
      halving.begun(whole[i]);
      halving.ended(whole[i], static_cast<double>(whole[i].trial));
    }
    EXPECT_EQ(run(halving), RungTrials(whole.begin() + static_cast<std::ptrdiff_t>(known), whole.end()));
  }
}

TEST(Halving, RungsEndAtTheMost) {
  EXPECT_EQ(rung_epochs(40, 1, 3), (std::vector<std::int64_t>{1, 4, 13, 40}));
  EXPECT_EQ(rung_epochs(40, 5, 3), (std::vector<std::int64_t>{13, 40}));
  EXPECT_EQ(rung_epochs(2, 2, 3), (std::vector<std::int64_t>{2}));
}

}  // namespace
}  // namespace ringtrain
