#include "data/order/appearances.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/errors.h"
#include "data/order/epoch_order.h"
#include "data/order/random.h"

namespace ringtrain {
namespace {

std::vector<int> counts_of(const Appearances& appearances, std::int64_t epoch) {
  std::vector<int> counts(static_cast<std::size_t>(appearances.size()));
  std::int64_t last = 0;
  for (std::int64_t number = 0; number < appearances.size(); ++number) {
    const auto sample = appearances.sample(epoch, number);
    EXPECT_GE(sample, last);
    last = sample;
    ++counts[static_cast<std::size_t>(sample)];
  }
  return counts;
}

TEST(Appearances, OfASampleAreItsWeightRoundedDownOrUp) {
  SplitMix64 random(7);
  std::vector<double> weights(997);
  double sum = 0;
  for (auto& weight : weights) sum += weight = random.below(5) == 0 ? 0 : random.uniform() * 4;
  const Appearances appearances(weights, 11);
  ASSERT_EQ(appearances.size(), 997);
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    const auto counts = counts_of(appearances, epoch);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double expected = weights[i] / sum * 997;
      EXPECT_GE(counts[i], std::floor(expected - 1e-9)) << i;
      EXPECT_LE(counts[i], std::ceil(expected + (weights[i] > 0 ? 1e-9 : 0))) << i;
    }
  }
}

TEST(Appearances, AreTheWeightOnAverage) {
  const std::vector<double> weights{0.5, 1.25, 0, 2, 0.25};
  const Appearances appearances(weights, 3);
  constexpr int kEpochs = 4000;
  std::vector<double> mean(weights.size());
  for (int epoch = 0; epoch < kEpochs; ++epoch) {
    const auto counts = counts_of(appearances, epoch);
    for (std::size_t i = 0; i < counts.size(); ++i) mean[i] += static_cast<double>(counts[i]) / kEpochs;
  }
  // Five standard errors of a share of one half.
  for (std::size_t i = 0; i < weights.size(); ++i)
    EXPECT_NEAR(mean[i], weights[i] / 4 * 5, 5 * 0.5 / std::sqrt(kEpochs)) << i;
}

TEST(Appearances, OfEqualWeightsAreOneEach) {
  const Appearances appearances(std::vector<double>(1000, 0.1), 5);
  for (std::int64_t epoch = 0; epoch < 5; ++epoch)
    for (const auto count : counts_of(appearances, epoch)) EXPECT_EQ(count, 1);
}

TEST(Appearances, RefuseWeightsThatAreNone) {
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto& weights : std::vector<std::vector<double>>{{1, -1}, {1, nan}, {0, 0}, {1e308, 1e308}})
    EXPECT_THROW(Appearances(weights, 1), ConfigError);
}

TEST(EpochOrder, WithWeightsIsAPermutationOfAppearancesForAnyDivision) {
  const std::vector<double> weights{3, 0, 1, 1, 1, 0, 0.5, 1.5};
  EpochOrder whole({.blocks = {8}, .seed = 9, .weights = weights});
  EpochOrder parts({.blocks = {8}, .seed = 9, .weights = weights});
  const Appearances appearances(weights, 9);
  for (std::int64_t epoch = 0; epoch < 6; ++epoch) {
    const auto all = whole.samples_at(epoch, {0, 8}, {0, 8});
    std::vector<int> counts(8);
    for (const auto sample : all) ++counts[static_cast<std::size_t>(sample)];
    EXPECT_EQ(counts, counts_of(appearances, epoch));
    std::vector<std::int64_t> joined;
    for (const auto& [begin, end] : {std::pair{0, 3}, {3, 5}, {5, 8}})
      for (const auto sample : parts.samples_at(epoch, {0, 8}, {begin, end})) joined.push_back(sample);
    EXPECT_EQ(joined, all);
  }
  EXPECT_THROW(EpochOrder({.blocks = {4, 4}, .weights = weights}), ConfigError);
  EXPECT_THROW(EpochOrder({.blocks = {7}, .weights = weights}), ConfigError);
}

}  // namespace
}  // namespace ringtrain
