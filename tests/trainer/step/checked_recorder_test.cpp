// The recorder that stands in for a GPU's must see what a capture would freeze.
#include "tests/trainer/step/checked_recorder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "comm/averaging/sync_batch_norm_scope.h"
#include "comm/backends.h"

namespace ringtrain::test {
namespace {

/// What the second replay says; "" where it is content. `change` comes between the two.
std::string said(
    const std::function<void()>& work, const std::function<void()>& change = [] {}) {
  CheckedRecorder recorder;
  const auto graph = recorder.recorder()(work);
  try {
    graph->replay();
    change();
    graph->replay();
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "";
}

TEST(CheckedRecorder, IsContentWithNumbersOfTheDevice) {
  const auto x = at::ones({4}), rate = at::full({}, 0.5);
  EXPECT_EQ(said([&] { x.add_(at::ones({4}) * rate); }, [&] { rate.fill_(0.25); }), "");
}

TEST(CheckedRecorder, SeesANumberOfTheHost) {
  const auto x = at::ones({4});
  double rate = 0.5;
  EXPECT_NE(said([&] { x.mul_(rate); }, [&] { rate = 0.25; }).find("aten::mul_"), std::string::npos);
  EXPECT_NE(said([&] { x.add_(at::full({4}, rate)); }, [&] { rate = 0.125; }), "");
}

TEST(CheckedRecorder, SeesMemoryThatMoved) {
  auto x = at::ones({4});
  const auto y = at::ones({4}), kept = x;
  EXPECT_NE(said([&] { y.add_(x); }, [&] { x = at::ones({4}); }).find("aten::add_"), std::string::npos);
}

TEST(CheckedRecorder, SeesABranchAndAWait) {
  const auto x = at::ones({4});
  bool more = false;
  EXPECT_NE(said(
                [&] {
                  if (more) x.neg_();
                  x.abs_();
                },
                [&] { more = true; }),
            "");
  EXPECT_NE(said([&] { x.mul_(x.sum().item<float>()); }).find("waits for the device: aten::item"),
            std::string::npos);
}

/// What LibTorch does inside of its operations is not looked at; that of batch norm may be ours.
TEST(CheckedRecorder, SeesAWaitInsideOfBatchNorm) {
  run_as_threads(2, [](Communicator& communicator) {
    const auto mean = at::zeros({3}), variance = at::ones({3}),
               x = at::full({1, 3}, 1.0 * communicator.rank());
    const SyncBatchNormScope scope({{mean}}, communicator);
    // Of one value a channel: has another rank some?
    const auto text = said([&] { at::batch_norm(x, {}, {}, mean, variance, true, 0.1, 1e-5, true); });
    EXPECT_NE(text.find("waits for the device: aten::item"), std::string::npos) << text;
  });
}

}  // namespace
}  // namespace ringtrain::test
