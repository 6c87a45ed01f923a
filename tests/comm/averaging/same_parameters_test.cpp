#include "comm/averaging/same_parameters.h"

#include <gtest/gtest.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>

#include <functional>

#include "comm/averaging/gradient_averager.h"
#include "comm/backends.h"
#include "common/errors.h"

namespace ringtrain {
namespace {

using Make = std::function<torch::nn::Sequential()>;
using torch::nn::Linear;
using torch::nn::Sequential;

/// What all of three ranks say when the last one has `other`; "" of none.
std::string said(const Make& usual, const Make& other) {
  std::vector<std::string> texts(3);
  run_as_threads(3, [&](Communicator& communicator) {
    auto module = communicator.rank() == 2 ? other() : usual();
    FlatParameters flat(*module);
    try {
      GradientAverager averager(flat, communicator);
    } catch (const ConfigError& error) {
      texts[static_cast<std::size_t>(communicator.rank())] = error.what();
    }
  });
  EXPECT_EQ(texts[0], texts[1]);
  EXPECT_EQ(texts[0], texts[2]);
  return texts[0];
}

Sequential usual() { return Sequential(Linear(3, 4), Linear(4, 3)); }

#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(SameParameters, AreTaken) { EXPECT_EQ(said(usual, usual), ""); }

TEST(SameParameters, AnotherShapeIsNamed) {
  const auto text = said(usual, [] { return Sequential(Linear(3, 5), Linear(5, 3)); });
  EXPECT_SAYS(text, "the module of rank 2 is not that of rank 0");
  EXPECT_SAYS(text, "is 1.weight [3, 5] Float here and 1.weight [3, 4] Float on rank 0");
}

// As many numbers, of which sums would mean nothing.
TEST(SameParameters, TheSameSizesInAnotherOrderAreRefused) {
  const auto one = [] { return Sequential(Linear(2, 6), Linear(6, 2)); };
  const auto other = [] { return Sequential(Linear(6, 2), Linear(2, 6)); };
  EXPECT_SAYS(said(one, other), "1.bias [6] Float here and 1.bias [2] Float");
}

TEST(SameParameters, AnotherNumberOrTypeOrAFrozenOneIsNamed) {
  EXPECT_SAYS(said(usual, [] { return Sequential(Linear(3, 4)); }), "are 2 and 4");
  EXPECT_SAYS(said(usual,
                   [] {
                     auto module = usual();
                     module->to(at::kDouble);
                     return module;
                   }),
              "Double here and 1.bias [3] Float");
  EXPECT_SAYS(said(usual,
                   [] {
                     auto module = usual();
                     module->parameters()[3].set_requires_grad(false);
                     return module;
                   }),
              "is 1.weight [3, 4] Float here and 1.bias [3] Float on rank 0");
}

TEST(SameParameters, OneRankAsksNobody) {
  run_as_threads(1, [&](Communicator& communicator) {
    auto module = usual();
    FlatParameters flat(*module);
    require_same_parameters(flat, communicator);
  });
}

}  // namespace
}  // namespace ringtrain
