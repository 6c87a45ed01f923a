#include "serving/server/batcher.h"

#include <random>
#include <thread>

#include "tests/serving/server/batcher_fixture.h"
#include "tests/serving/thrown.h"

namespace ringtrain::test {
namespace {

TEST_F(BatcherTest, CountsRows) {
  EXPECT_EQ((Predictor::Rows{at::zeros({3, 0}), {}, {}}.size()), 3);
  EXPECT_EQ((Predictor::Rows{{}, {}, at::zeros({2, 5}, at::kLong)}.size()), 2);
}

TEST_F(BatcherTest, WhatWaitsTogetherIsOneRunAndEachGetsItsOwnRows) {
  make({});
  auto first = occupy();
  auto one = submit({2}), three = submit({3, 4, 5}), two = submit({6, 7});
  EXPECT_EQ(batcher_->waiting_rows(), 6);
  model_.open();
  EXPECT_EQ(of(first), (Numbers{11}));
  EXPECT_EQ(of(one), (Numbers{22}));
  EXPECT_EQ(of(three), (Numbers{33, 44, 55}));
  EXPECT_EQ(of(two), (Numbers{66, 77}));
  EXPECT_EQ(model_.runs(), (Counts{1, 6}));
  EXPECT_EQ(batcher_->waiting_rows(), 0);
  pool_.join();  // the observer is told after the answers
  EXPECT_EQ(told_rows_, 7);
  EXPECT_EQ(told_requests_, 4);
}

TEST_F(BatcherTest, RunsAreFilledUpToTheMostAndLargerRequestsRunAlone) {
  make({.most_rows = 4});
  auto first = occupy();
  std::vector<Answer> answers;
  for (const auto& numbers :
       {Numbers{1, 1}, Numbers{2, 2}, Numbers{3}, Numbers(9, 4), Numbers{5}, Numbers{6}})
    answers.push_back(submit(numbers));
  model_.open();
  EXPECT_EQ(of(answers[3]), Numbers(9, 44));
  EXPECT_EQ(of(answers[5]), (Numbers{66}));
  EXPECT_EQ(model_.runs(), (Counts{1, 4, 1, 9, 2})) << "in the order in which they came";
}

TEST_F(BatcherTest, TokensAreJoinedToo) {
  std::vector<std::int64_t> runs;
  SlowModel door;
  batcher_ = std::make_shared<Batcher>(
      pool_, Batcher::Options{},
      [&](const Predictor::Rows& rows) {
        door.run({at::zeros({1, 1}), {{""}}, {}});
        runs.push_back(rows.tokens.size(0));
        return Predictor::Answers{{}, {}, {}, rows.tokens.to(at::kFloat).unsqueeze(2) + 0.5};
      },
      [](std::int64_t, std::int64_t, double) {});
  std::vector<std::promise<at::Tensor>> got(3);
  const auto submit_tokens = [&](std::size_t i, const at::Tensor& tokens) {
    batcher_->submit({{}, {}, tokens}, [&got, i](const Predictor::Answers& answers, std::exception_ptr) {
      got[i].set_value(answers.logits);
    });
  };
  door.shut();
  submit_tokens(0, at::zeros({1, 2}, at::kLong));
  door.await_inside(1);
  submit_tokens(1, at::full({2, 2}, 7, at::kLong));
  submit_tokens(2, at::full({1, 2}, 9, at::kLong));
  door.open();
  EXPECT_TRUE(at::equal(got[1].get_future().get(), at::full({2, 2, 1}, 7.5)));
  EXPECT_TRUE(at::equal(got[2].get_future().get(), at::full({1, 2, 1}, 9.5)));
  pool_.join();
  EXPECT_EQ(runs, (Counts{1, 3}));
}

TEST_F(BatcherTest, AFailureReachesItsRequestAlone) {
  make({});
  auto first = occupy();
  auto good = submit({2, 3}), bad = submit({-4}), good_too = submit({5}), bad_too = submit({1, -1});
  model_.open();
  EXPECT_EQ(of(good), (Numbers{22, 33}));
  EXPECT_EQ(of(good_too), (Numbers{55}));
  EXPECT_EQ(thrown<std::runtime_error>([&] { of(bad); }), "a number below 0");
  EXPECT_EQ(thrown<std::runtime_error>([&] { of(bad_too); }), "a number below 0");
  EXPECT_EQ(model_.runs(), (Counts{1, 6, 2, 1, 1, 2})) << "together, then each by itself";
  auto later = submit({6});
  EXPECT_EQ(of(later), (Numbers{66})) << "a failure ends nothing";
}

TEST_F(BatcherTest, MoreThanMayWaitIsRefused) {
  make({.most_waiting_rows = 5});
  auto first = occupy();
  auto waiting = submit({2, 2, 2});
  EXPECT_EQ(thrown<Overloaded>([&] { submit({3, 3, 3}); }), "3 rows wait already; try again later");
  auto just = submit({4, 4});
  EXPECT_EQ(thrown<Overloaded>([&] { submit({5}); }), "5 rows wait already; try again later");
  EXPECT_EQ(batcher_->waiting_rows(), 5);
  model_.open();
  EXPECT_EQ(of(waiting), Numbers(3, 22));
  EXPECT_EQ(of(just), Numbers(2, 44));
  auto large = submit(Numbers(6, 3));
  EXPECT_EQ(of(large), Numbers(6, 33)) << "a request above the limit is taken where nothing else waits";
}

TEST_F(BatcherTest, ManyThreadsGetTheirOwnRows) {
  make({.most_rows = 16, .threads = 3, .slow_run = 0us});
  constexpr int clients = 6, requests = 300;
  std::atomic<int> wrong = 0;
  std::atomic<std::int64_t> rows = 0;
  {
    std::vector<std::jthread> threads;
    for (int client = 0; client < clients; ++client)
      threads.emplace_back([&, client] {
        std::mt19937 random(static_cast<unsigned>(client));
        for (int i = 0; i < requests; ++i) {
          Numbers numbers(1 + random() % 5), expected;
          for (auto& number : numbers) number = static_cast<float>(random() % 10);
          for (const float number : numbers) expected.push_back(11 * number);
          rows += static_cast<std::int64_t>(numbers.size());
          auto answer = submit(numbers);
          if (of(answer) != expected) ++wrong;
        }
      });
  }
  pool_.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(told_requests_, clients * requests);
  EXPECT_EQ(told_rows_, rows);
  for (const auto run : model_.runs()) EXPECT_LE(run, 16);
  EXPECT_LE(model_.most_inside(), 3);
}

}  // namespace
}  // namespace ringtrain::test
