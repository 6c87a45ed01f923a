#include "comm/ring/reduce.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace ringtrain::ring {
namespace {

template <class T>
std::byte* bytes(std::vector<T>& values) {
  return reinterpret_cast<std::byte*>(values.data());
}

TEST(Reduce, SumsInOrderIntoAllResults) {
  // (1e8 + 1) - 1e8 is 0 in float, (1e8 - 1e8) + 1 is 1.
  std::vector<float> a{1e8F}, b{1.0F}, c{-1e8F};
  std::vector<float> first(1), second(1);
  const std::vector<const std::byte*> abc{bytes(a), bytes(b), bytes(c)}, acb{bytes(a), bytes(c), bytes(b)};
  std::byte* results[] = {bytes(first), bytes(second)};
  reduce_all(at::kFloat, ReduceOp::sum, abc, results, 0, 1);
  EXPECT_EQ(first[0], 0.0F);
  EXPECT_EQ(second[0], 0.0F);
  reduce_all(at::kFloat, ReduceOp::sum, acb, results, 0, 1);
  EXPECT_EQ(first[0], 1.0F);
}

TEST(Reduce, TouchesItsRangeAlone) {
  std::vector<std::int64_t> a(5000, 1), b(5000, 2);
  const std::vector<const std::byte*> sources{bytes(a), bytes(b)};
  std::byte* results[] = {bytes(a)};
  reduce_all(at::kLong, ReduceOp::max, sources, results, 10, 4000);
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i], i >= 10 && i < 4000 ? 2 : 1) << i;
}

TEST(Reduce, SixteenBitTypesAreRoundedOnce) {
  // Each 0.5 alone is lost beside 256 in bfloat16 (8 bits); four together are not.
  std::vector<c10::BFloat16> big{256.0F}, half{0.5F};
  const std::vector<const std::byte*> sources{bytes(big), bytes(half), bytes(half), bytes(half), bytes(half)};
  std::byte* results[] = {bytes(big)};
  reduce_all(at::kBFloat16, ReduceOp::sum, sources, results, 0, 1);
  EXPECT_EQ(static_cast<float>(big[0]), 258.0F);
}

TEST(Reduce, WireTypeIsAddedToFloat) {
  std::vector<float> into{1.25F, -2.0F};
  std::vector<c10::Half> from{c10::Half(0.5F), c10::Half(1.0F)};
  reduce_into(at::kFloat, ReduceOp::sum, bytes(into), bytes(from), at::kHalf, 2);
  EXPECT_EQ(into, (std::vector<float>{1.75F, -1.0F}));
}

TEST(Reduce, ConvertsToTheWireAndBack) {
  std::vector<float> values{1.0F, 1.0F / 3, 1e30F}, back(3);
  std::vector<c10::BFloat16> wire(3);
  to_wire(at::kFloat, bytes(values), at::kBFloat16, bytes(wire), 3);
  from_wire(at::kBFloat16, bytes(wire), at::kFloat, bytes(back), 3);
  EXPECT_EQ(back[0], 1.0F);
  EXPECT_NEAR(back[1], 1.0 / 3, 1.0 / 3 / 256);
  EXPECT_NEAR(back[2] / 1e30F, 1.0, 1.0 / 256);
}

}  // namespace
}  // namespace ringtrain::ring
