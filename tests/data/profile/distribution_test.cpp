#include "data/profile/distribution.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "common/errors.h"
#include "common/hash.h"
#include "data/profile/drift_measures.h"

namespace ringtrain {
namespace {

std::vector<double> numbers_to(int count) {
  std::vector<double> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 1.0);
  return all;
}

TEST(Distribution, CutsNumbersIntoBinsOfEqualCounts) {
  auto values = numbers_to(200);
  values.push_back(NAN);
  const auto column = distribution_of_numbers("x", values);
  EXPECT_EQ(column.present, 200);
  EXPECT_EQ(column.missing, 1);
  EXPECT_EQ(column.low, 1);
  EXPECT_EQ(column.high, 200);
  ASSERT_EQ(column.edges.size(), 19U);
  EXPECT_EQ(column.edges[0], 10.5) << "halfway between two values";
  EXPECT_EQ(column.bins, std::vector<std::int64_t>(20, 10));
  EXPECT_EQ(column.counted(), 200);
  EXPECT_EQ(column.bin_of(-5), 0U);
  EXPECT_EQ(column.bin_of(10), 0U);
  EXPECT_EQ(column.bin_of(11), 1U);
  EXPECT_EQ(column.bin_of(1e9), 19U);
}

TEST(Distribution, HasNoEdgeInsideOfTies) {
  const auto flags = distribution_of_numbers("x", {0, 0, 0, 0, 0, 0, 0, 1, 1, 1});
  EXPECT_EQ(flags.edges, (std::vector<double>{0.5}));
  EXPECT_EQ(flags.bins, (std::vector<std::int64_t>{7, 3}));
  const auto constant = distribution_of_numbers("x", {4, 4, 4});
  EXPECT_TRUE(constant.edges.empty());
  EXPECT_EQ(constant.bins, (std::vector<std::int64_t>{3}));
  const auto none = distribution_of_numbers("x", {NAN, NAN});
  EXPECT_EQ(none.present, 0);
  EXPECT_EQ(none.bins, (std::vector<std::int64_t>{0}));
}

TEST(Distribution, KeepsTheMostFrequentWords) {
  std::vector<std::string> column{"b", "b", "a", "a", "", "c"};
  for (int i = 0; i < 150; ++i) column.push_back("rare " + std::to_string(i));
  std::vector<std::int64_t> rows(column.size());
  std::iota(rows.begin(), rows.end(), 0);
  std::int64_t missing = 0;
  const auto counts = count_words(column, rows, missing);
  const auto words = distribution_of_words("w", counts, missing);
  EXPECT_EQ(words.missing, 1);
  EXPECT_EQ(words.present, 155);
  EXPECT_EQ(words.different, 153);
  ASSERT_EQ(words.words.size(), Distribution::kWords);
  EXPECT_EQ(words.words[0], (std::pair<std::string, std::int64_t>("a", 2))) << "of equal counts by text";
  EXPECT_EQ(words.words[1].first, "b");
  EXPECT_EQ(words.rest, 53);
  EXPECT_EQ(words.rare, 155);
  EXPECT_EQ(words.counted(), 155);
}

TEST(Distribution, IsTheSameOutOfJson) {
  auto values = numbers_to(50);
  const auto numbers = distribution_of_numbers("x", values);
  EXPECT_EQ(Distribution::from_json(numbers.to_json()).to_json(), numbers.to_json());
  const std::vector<std::string> column{"b", "a", "b"};
  std::int64_t missing = 0;
  const auto words = distribution_of_words("w", count_words(column, {0, 1, 2}, missing), missing);
  EXPECT_EQ(Distribution::from_json(words.to_json()).to_json(), words.to_json());
  auto damaged = numbers.to_json();
  damaged["bins"] = {1, 2};
  EXPECT_THROW(Distribution::from_json(damaged), DataError);
  damaged.erase("edges");
  EXPECT_THROW(Distribution::from_json(damaged), DataError);
}

// Expected values: SciPy 1.17, scipy.stats.ks_2samp of the bins' numbers,
// scipy.spatial.distance.jensenshannon; and the formula of the population stability index by NumPy.
TEST(DriftMeasures, AreThoseOfSciPy) {
  const std::vector<double> then{10, 20, 30, 40}, now{25, 25, 25, 5};
  EXPECT_NEAR(stability_index(then, now), 0.9193479309031267, 1e-12);
  EXPECT_NEAR(kolmogorov_smirnov(then, now), 0.3375, 1e-12);
  EXPECT_NEAR(jensen_shannon(then, now), 0.32206226480261607, 1e-12);
  EXPECT_NEAR(stability_index({50, 50, 0}, {10, 10, 80}), 8.476409066794792, 1e-12)
      << "an empty bin is 0.0001";
  EXPECT_NEAR(jensen_shannon({50, 50, 0}, {10, 10, 80}), 0.6502387678692824, 1e-12);
  EXPECT_EQ(stability_index(then, then), 0);
  EXPECT_EQ(kolmogorov_smirnov(then, then), 0);
  EXPECT_EQ(jensen_shannon(then, then), 0);
}

TEST(DriftMeasures, CountsWhatIsNew) {
  const auto numbers = distribution_of_numbers("x", numbers_to(100));
  BesideColumn beside(numbers);
  for (const double value : std::vector<double>{0, 50, 101, NAN}) beside.add(value);
  EXPECT_EQ(beside.outside(), 2);
  EXPECT_EQ(beside.now().missing, 1);
  EXPECT_EQ(beside.now().present, 3);
  EXPECT_EQ(beside.now().low, 0);
  EXPECT_EQ(beside.now().high, 101);
  const std::vector<std::string> column{"red", "red", "blue"};
  std::int64_t missing = 0;
  const auto words = distribution_of_words("w", count_words(column, {0, 1, 2}, missing), missing);
  BesideColumn colours(words);
  for (const char* word : {"blue", "lilac", "", "green"}) colours.add(word, word == std::string("blue"));
  EXPECT_EQ(colours.unseen(), 2);
  EXPECT_EQ(colours.first_unseen(), "lilac");
  EXPECT_EQ(BesideColumn::counts_of(colours.now()), (std::vector<double>{0, 1, 2}));
}

/// Values in 20 bins with equal shares, against the shares themselves.
TEST(DriftMeasures, ChanceIsRarelyBeyondItsLimit) {
  constexpr std::size_t kBins = 20, kFiles = 2000;
  constexpr double kThen = 100'000, kAlarm = 0.005;
  const std::vector<double> then(kBins, kThen / kBins);
  for (const std::size_t rows : {20U, 60U, 300U, 2000U}) {
    const auto limits = chance_limits(kBins, kThen, static_cast<double>(rows), kAlarm);
    std::size_t stability = 0, smirnov = 0, shannon = 0;
    for (std::size_t file = 0; file < kFiles; ++file) {
      std::vector<double> now(kBins, 0);
      for (std::size_t row = 0; row < rows; ++row) ++now[mix64(file * 10'000 + row) % kBins];
      stability += stability_index(then, now) > limits.stability;
      smirnov += kolmogorov_smirnov(then, now) > limits.smirnov;
      shannon += jensen_shannon(then, now) > limits.shannon;
    }
    EXPECT_LE(stability, 2 * kAlarm * kFiles) << rows;
    EXPECT_LE(smirnov, 2 * kAlarm * kFiles) << rows;
    EXPECT_LE(shannon, 2 * kAlarm * kFiles) << rows;
    EXPECT_LT(limits.stability, 100 / static_cast<double>(rows) + 0.3) << "it is no limit";
  }
}

TEST(DriftMeasures, JoinsWhatWasCountedApart) {
  const auto numbers = distribution_of_numbers("x", numbers_to(100));
  BesideColumn both(numbers), first(numbers), second(numbers), joined(numbers);
  for (const double value : std::vector<double>{0, 50, NAN}) both.add(value), first.add(value);
  for (const double value : std::vector<double>{-3, 101, 7, NAN}) both.add(value), second.add(value);
  joined.join(first);
  joined.join(second);
  EXPECT_EQ(joined.now().to_json(), both.now().to_json());
  EXPECT_EQ(joined.outside(), both.outside());
  EXPECT_EQ(joined.now().low, -3);
  const std::vector<std::string> column{"red", "blue"};
  std::int64_t missing = 0;
  const auto words = distribution_of_words("w", count_words(column, {0, 1}, missing), missing);
  BesideColumn none(words), some(words), colours(words);
  some.add("lilac", false);
  some.add("red", true);
  for (const auto* one : {&none, &some, &some}) colours.join(*one);
  EXPECT_EQ(colours.unseen(), 2);
  EXPECT_EQ(colours.first_unseen(), "lilac");
  EXPECT_EQ(BesideColumn::counts_of(colours.now()), (std::vector<double>{0, 2, 2}));
}

}  // namespace
}  // namespace ringtrain
