#include "data/schema/classes.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using Names = std::vector<std::string>;

TEST(Classes, APositiveClassIsTheSecond) {
  EXPECT_EQ(with_positive({"left", "stayed"}, "stayed"), (Names{"left", "stayed"}));
  EXPECT_EQ(with_positive({"left", "stayed"}, "left"), (Names{"stayed", "left"}));
  EXPECT_EQ(with_positive({"0", "1"}, "0"), (Names{"1", "0"}));
  EXPECT_EQ(with_positive({"0", "1"}, "0.0"), (Names{"1", "0"}));
}

TEST(Classes, APositiveClassThatIsNotThereIsRefused) {
  try {
    with_positive({"left", "stayed"}, "stay");
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_CONTAINS(
        error.what(),
        "task.positive: 'stay' is not a class of the target; there are: left, stayed. Did you mean "
        "'stayed'?");
  }
}

TEST(Classes, AnotherOrderGoesByName) {
  Names labels{"a", "b", "c"};
  const auto target = torch::tensor({0, 1, 2, 1}, torch::kLong);
  order_classes({"c", "a", "b"}, labels, target);
  EXPECT_EQ(labels, (Names{"c", "a", "b"}));
  EXPECT_TRUE(torch::equal(target, torch::tensor({1, 2, 0, 2}, torch::kLong)));
  EXPECT_CONTAINS(testing::data_error([&] { order_classes({"c", "a"}, labels, target); }), "c, a");
  EXPECT_CONTAINS(testing::data_error([&] { order_classes({"c", "a", "x"}, labels, target); }), "c, a, x");
}

TEST(Classes, DecimalsAreCountedWhereAllAreNumbers) {
  EXPECT_EQ(count_decimals({"0.5", "1", "2.25"}), 2);
  EXPECT_EQ(count_decimals({"0", "1"}), 0);
  EXPECT_EQ(count_decimals({"0.5", "1", "much"}), 0);
}

}  // namespace
}  // namespace ringtrain
