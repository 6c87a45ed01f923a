#include <thread>

#include "tests/serving/server/batcher_fixture.h"

namespace ringtrain::test {
namespace {

constexpr auto kNever = 10min;  // longer than a test may take

TEST_F(BatcherTest, ADelayGathersAndAFullRunEndsIt) {
  make({.delay = 300ms});
  const auto begin = std::chrono::steady_clock::now();
  auto one = submit({1}), two = submit({2, 3});
  EXPECT_EQ(of(one), (Numbers{11}));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 300ms);
  EXPECT_EQ(of(two), (Numbers{22, 33}));
  EXPECT_EQ(model_.runs(), (Counts{3}));
  make({.most_rows = 3, .delay = kNever});
  auto waits = submit({4}), fills = submit({5, 6});
  EXPECT_EQ(of(waits), (Numbers{44}));
  EXPECT_EQ(of(fills), (Numbers{55, 66}));
  EXPECT_EQ(model_.runs(), (Counts{3, 3}));
  batcher_.reset();
  pool_.stop();  // the delay's timer is still there
}

TEST_F(BatcherTest, WhatAFullRunLeavesHasItsOwnDelay) {
  make({.most_rows = 2, .delay = 300ms});
  auto one = submit({1}), fills = submit({2}), left = submit({3});
  EXPECT_EQ(of(left), (Numbers{33}));
  EXPECT_EQ(of(one), (Numbers{11}));
  EXPECT_EQ(of(fills), (Numbers{22}));
  EXPECT_EQ(model_.runs(), (Counts{2, 1}));
}

TEST_F(BatcherTest, WhatComesDuringARunHasItsDelayAfterIt) {
  make({.delay = 100ms});
  auto first = occupy();
  auto second = submit({2});
  model_.open();
  EXPECT_EQ(of(first), (Numbers{11}));
  EXPECT_EQ(of(second), (Numbers{22}));
  EXPECT_EQ(model_.runs(), (Counts{1, 1}));
}

TEST_F(BatcherTest, SlowModelsAndFullRunsGetMoreThreads) {
  make({.threads = 2, .slow_run = 0us});
  auto usual = submit({1});  // from now on its runs are known to be slow
  of(usual);
  model_.shut();
  auto a = submit({2});
  model_.await_inside(1);
  auto b = submit({3});
  model_.await_inside(2);
  auto c = submit({4});
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(batcher_->waiting_rows(), 1) << "not more threads than asked for";
  model_.open();
  EXPECT_EQ(of(c), (Numbers{44}));
  EXPECT_EQ(model_.most_inside(), 2);
}

TEST_F(BatcherTest, QuickModelsRunOnOneThreadUntilARunIsFull) {
  make({.most_rows = 2, .threads = 2, .slow_run = kNever});
  auto a = occupy();
  auto b = submit({2});
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(model_.runs(), (Counts{1}));
  auto c = submit({3});
  model_.await_inside(2);
  model_.open();
  EXPECT_EQ(of(c), (Numbers{33}));
}

TEST_F(BatcherTest, JoiningThePoolAnswersWhatWaits) {
  make({.delay = 50ms});
  std::vector<Answer> answers;
  for (int i = 0; i < 20; ++i) answers.push_back(submit({static_cast<float>(i % 10)}));
  pool_.join();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    ASSERT_EQ(answers[i].wait_for(0s), std::future_status::ready);
    EXPECT_EQ(answers[i].get().numbers, (Numbers{11.F * static_cast<float>(i % 10)}));
  }
}

TEST_F(BatcherTest, StoppingThePoolLetsGoOfWhatWaits) {
  Answer waits;
  {
    boost::asio::thread_pool pool(1);
    const auto batcher = std::make_shared<Batcher>(
        pool, Batcher::Options{.delay = kNever}, [](const Predictor::Rows&) { return Predictor::Answers{}; },
        [](std::int64_t, std::int64_t, double) {});
    const auto promise = std::make_shared<std::promise<Outcome>>();
    waits = promise->get_future();
    batcher->submit({at::zeros({1, 1}), {}, {}},
                    [promise](const Predictor::Answers&, std::exception_ptr) { promise->set_value({}); });
    pool.stop();
    pool.join();
  }
  EXPECT_THROW(waits.get(), std::future_error) << "its promise is gone, and was not kept";
}

}  // namespace
}  // namespace ringtrain::test
