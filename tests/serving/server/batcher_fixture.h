#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <stdexcept>

#include "serving/server/batcher.h"
#include "tests/serving/thrown.h"

namespace ringtrain::test {

using namespace std::chrono_literals;
using Numbers = std::vector<float>;
using Counts = std::vector<std::int64_t>;

/// A model of a number and a word: 10 * number + length of the word. It fails for a number below 0, and waits
/// while its door is shut.
class SlowModel {
 public:
  Predictor::Answers run(const Predictor::Rows& rows) {
    {
      std::unique_lock lock(mutex_);
      runs_.push_back(rows.numeric.size(0));
      ++inside_;
      most_inside_ = std::max(most_inside_, inside_);
      changed_.notify_all();
      changed_.wait(lock, [this] { return open_; });
      --inside_;
    }
    if (rows.numeric.lt(0).any().item<bool>()) throw std::runtime_error("a number below 0");
    at::Tensor lengths = at::empty({rows.numeric.size(0)});
    for (std::int64_t r = 0; r < lengths.size(0); ++r)
      lengths[r] = static_cast<float>(rows.categorical.at(0).at(static_cast<std::size_t>(r)).size());
    return {{}, {}, 10 * rows.numeric.select(1, 0) + lengths, {}};
  }
  void shut() { set_open(false); }
  void open() { set_open(true); }
  /// Until so many runs are inside.
  void await_inside(int count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, 60s, [&] { return inside_ >= count; }));
  }
  /// The rows of each run, in the order in which they began.
  Counts runs() const {
    const std::lock_guard lock(mutex_);
    return runs_;
  }
  int most_inside() const {
    const std::lock_guard lock(mutex_);
    return most_inside_;
  }

 private:
  void set_open(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int inside_ = 0, most_inside_ = 0;
  Counts runs_;
};

/// The numbers of a request's answers, or the text of its error: an exception that two threads own is freed
/// by the last of them, behind locks of libstdc++ that ThreadSanitizer does not see.
struct Outcome {
  Numbers numbers;
  std::string error;
};
using Answer = std::future<Outcome>;

class BatcherTest : public testing::Test {
 protected:
  ~BatcherTest() override {
    model_.open();
    pool_.join();
  }

  void make(const Batcher::Options& options) {
    batcher_ = std::make_shared<Batcher>(
        pool_, options, [this](const Predictor::Rows& rows) { return model_.run(rows); },
        [this](std::int64_t rows, std::int64_t requests, double) {
          told_rows_ += rows;
          told_requests_ += requests;
        });
  }

  /// Row i has the word of `numbers[i]` letters, at most 9: its answer is 11 times the number.
  Answer submit(const Numbers& numbers) {
    Predictor::Rows rows;
    rows.numeric = at::tensor(numbers).unsqueeze(1);
    auto& words = rows.categorical.emplace_back();
    for (const float number : numbers) words.emplace_back(static_cast<std::size_t>(std::abs(number)), 'x');
    const auto promise = std::make_shared<std::promise<Outcome>>();
    batcher_->submit(std::move(rows), [promise](const Predictor::Answers& answers, std::exception_ptr error) {
      if (error)
        return promise->set_value({{}, thrown<std::exception>([&] { std::rethrow_exception(error); })});
      const at::Tensor values = answers.predictions.contiguous();
      promise->set_value({{values.data_ptr<float>(), values.data_ptr<float>() + values.numel()}, {}});
    });
    return promise->get_future();
  }

  /// A run of one row that is under way, so that what is submitted now waits.
  Answer occupy() {
    model_.shut();
    auto answer = submit({1});
    model_.await_inside(1);
    return answer;
  }

  static Numbers of(Answer& answer) {
    if (answer.wait_for(60s) != std::future_status::ready) {
      ADD_FAILURE() << "no answer";
      return {};
    }
    Outcome outcome = answer.get();
    if (!outcome.error.empty()) throw std::runtime_error(outcome.error);
    return outcome.numbers;
  }

  SlowModel model_;
  std::atomic<std::int64_t> told_rows_ = 0, told_requests_ = 0;
  boost::asio::thread_pool pool_{4};
  std::shared_ptr<Batcher> batcher_;
};

}  // namespace ringtrain::test
