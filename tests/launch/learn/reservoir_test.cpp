#include "launch/learn/reservoir.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace ringtrain {
namespace {

StreamRow row(std::int64_t number) {
  StreamRow made;
  made.position.offset = number;
  made.numbers = {static_cast<double>(number) / 3};
  made.targets = {1};
  return made;
}

std::vector<std::int64_t> numbers(const Reservoir& reservoir) {
  std::vector<std::int64_t> found;
  for (const auto& one : reservoir.rows()) found.push_back(one.position.offset);
  return found;
}

TEST(Reservoir, KeepsEachRowWithTheSameChance) {
  // 400 reservoirs of 10 of 100 rows: a row is in 40 of them, with a deviation of 6.
  std::map<std::int64_t, int> kept;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Reservoir reservoir(10, seed);
    for (int i = 0; i < 100; ++i) reservoir.add(row(i));
    ASSERT_EQ(reservoir.rows().size(), 10u);
    for (const auto number : numbers(reservoir)) ++kept[number];
  }
  int early = 0;
  for (int i = 0; i < 100; ++i) {
    EXPECT_GT(kept[i], 40 - 5 * 6);
    EXPECT_LT(kept[i], 40 + 5 * 6);
    if (i < 50) early += kept[i];
  }
  EXPECT_NEAR(early, 2000, 130);  // four deviations
}

TEST(Reservoir, FollowsFromSeedAndRowsAloneAlsoOverARestart) {
  Reservoir whole(5, 7), first(5, 7);
  for (int i = 0; i < 40; ++i) whole.add(row(i));
  for (int i = 0; i < 17; ++i) first.add(row(i));
  Reservoir second(5, 7);
  second.restore(nlohmann::ordered_json::parse(first.to_json().dump()));
  for (int i = 17; i < 40; ++i) second.add(row(i));
  EXPECT_EQ(numbers(whole), numbers(second));
  EXPECT_EQ(whole.rows()[2].numbers, second.rows()[2].numbers);
  Reservoir other(5, 8);
  for (int i = 0; i < 40; ++i) other.add(row(i));
  EXPECT_NE(numbers(whole), numbers(other));
}

TEST(Reservoir, DrawsWhatItHasByTheStep) {
  Reservoir reservoir(5, 7);
  EXPECT_TRUE(reservoir.draw(1, 3).empty());
  for (int i = 0; i < 20; ++i) reservoir.add(row(i));
  const auto once = reservoir.draw(1, 8), again = reservoir.draw(1, 8), later = reservoir.draw(2, 8);
  ASSERT_EQ(once.size(), 8u);
  bool differs = false;
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(once[i].position, again[i].position);
    differs |= !(once[i].position == later[i].position);
  }
  EXPECT_TRUE(differs);
}

}  // namespace
}  // namespace ringtrain
