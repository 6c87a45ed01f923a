#include "trainer/optimizer/spans.h"

#include <gtest/gtest.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>

namespace ringtrain {
namespace {

// Three parameters of 4, 20 and 16 floats, from the back: bias of 4 at 0, weight of 4x5 at 16 (its gap ends
// at 48), another of 4x4 at 48; the group has 64 elements.
struct Three : torch::nn::Module {
  Three() {
    register_parameter("last", at::zeros({4, 4}));
    register_parameter("weight", at::zeros({4, 5}));
    register_parameter("bias", at::zeros({4}));
  }
};

struct Fixture {
  Three module;
  FlatParameters flat{module};
  FlatSlice slice(std::int64_t begin, std::int64_t end) const {
    const auto& group = flat.groups()[0];
    return {0, begin, group.values.narrow(0, begin, end - begin),
            group.gradients.narrow(0, begin, end - begin)};
  }
};

TEST(Spans, OneForAllThatAreAlike) {
  const Fixture f;
  ASSERT_EQ(f.flat.groups()[0].values.numel(), 64);
  EXPECT_EQ(spans_of(f.slice(0, 64), f.flat, {3, 3, 3}, {}), (std::vector<Span>{{0, 64, 3}}));
}

TEST(Spans, CountsAndUseDivide) {
  const Fixture f;
  const auto whole = f.slice(0, 64);
  EXPECT_EQ(spans_of(whole, f.flat, {3, 3, 5}, {}), (std::vector<Span>{{0, 48, 3}, {48, 16, 5}}));
  EXPECT_EQ(spans_of(whole, f.flat, {3, 3, 3}, {false, true, false}),
            (std::vector<Span>{{0, 16, 3}, {48, 16, 3}}));
  EXPECT_EQ(spans_of(whole, f.flat, {1, 2, 2}, {true, false, false}), (std::vector<Span>{{16, 48, 2}}));
  EXPECT_TRUE(spans_of(whole, f.flat, {1, 1, 1}, {true, true, true}).empty());
}

TEST(Spans, ASliceCutsParameters) {
  const Fixture f;
  EXPECT_EQ(spans_of(f.slice(32, 64), f.flat, {3, 4, 5}, {}), (std::vector<Span>{{0, 16, 4}, {16, 16, 5}}));
  EXPECT_EQ(spans_of(f.slice(0, 32), f.flat, {3, 3, 5}, {}), (std::vector<Span>{{0, 32, 3}}));
  EXPECT_EQ(spans_of(f.slice(32, 48), f.flat, {3, 4, 5}, {true, false, true}),
            (std::vector<Span>{{0, 16, 4}}));
  EXPECT_TRUE(spans_of(f.slice(16, 32), f.flat, {3, 4, 5}, {false, true, false}).empty());
}

}  // namespace
}  // namespace ringtrain
