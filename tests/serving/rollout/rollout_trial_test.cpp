#include "serving/rollout/rollout_trial.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <thread>

#include "common/errors.h"

namespace ringtrain::test {
namespace {

using Side = RolloutTrial::Side;

Rollout rollout(Rollout::Kind kind) {
  Rollout rollout;
  rollout.id = "an-id";
  rollout.kind = kind;
  rollout.version = 3;
  rollout.live = 2;
  if (kind == Rollout::Kind::canary) rollout.plan = parse_plan("50% 1h, 100%");
  return rollout;
}

Manifest two_classes() {
  Manifest manifest;
  manifest.head.form = AnswerForm::one_class;
  manifest.preprocessing.labels = {"no", "yes"};
  return manifest;
}

Predictor::Answers answers(std::vector<std::int64_t> classes) {
  Predictor::Answers answers;
  answers.classes = at::tensor(classes, at::kLong);
  answers.probabilities = at::one_hot(answers.classes, 2).to(at::kFloat);
  return answers;
}

Feedback truth(const std::string& id, const std::string& label, std::int64_t row = 1) {
  Feedback feedback;
  feedback.request_id = id;
  feedback.label = label;
  feedback.row = row;
  return feedback;
}

template <class Error>
std::exception_ptr failure() {
  return std::make_exception_ptr(Error("what"));
}

TEST(RolloutTrial, WhatAClientAskedWronglyIsNoFailure) {
  RolloutTrial trial(rollout(Rollout::Kind::canary));
  trial.answered(Side::candidate, {"a"}, {}, failure<DataError>(), {});
  trial.answered(Side::candidate, {"b"}, {}, failure<ExportError>(), {});
  EXPECT_EQ(trial.snapshot().progress.candidate.requests, 1U);
  EXPECT_EQ(trial.snapshot().progress.candidate.failed, 1U);
  RolloutTrial shadow(rollout(Rollout::Kind::shadow));
  shadow.answered(Side::candidate, {"a"}, {}, failure<DataError>(), {});
  EXPECT_EQ(shadow.snapshot().progress.candidate.failed, 1U) << "the live version could answer it";
}

TEST(RolloutTrial, TheTruthIsFoundByRequestAndRowOnce) {
  RolloutTrial trial(rollout(Rollout::Kind::canary));
  trial.answered(Side::live, {"a"}, answers({0, 1}), nullptr, {0.1, 0.05});
  trial.answered(Side::candidate, {"b"}, answers({1}), nullptr, {0.1, 0.05});
  for (int again = 0; again < 2; ++again) {
    trial.learn(truth("a", "yes", 1), two_classes());  // wrong
    trial.learn(truth("a", "yes", 2), two_classes());  // right
    trial.learn(truth("b", "yes"), two_classes());
  }
  for (const auto row : {0, 3}) trial.learn(truth("a", "yes", row), two_classes());
  trial.learn(truth("c", "yes"), two_classes());
  const auto progress = trial.snapshot().progress;
  EXPECT_EQ(progress.evidence.count(), 1U);
  EXPECT_EQ(progress.evidence.mean_live(), 0.5);
  EXPECT_EQ(progress.evidence.mean_candidate(), 0);
  EXPECT_EQ(progress.live.runs.count(), 1U);
}

TEST(RolloutTrial, OfAKeyTheFirstTruthCounts) {
  RolloutTrial trial(rollout(Rollout::Kind::canary));
  for (int i = 0; i < 200; ++i) {
    const auto id = std::to_string(i);
    const bool is_live = i % 2 == 0;
    // Two customers: the one with the candidate has hard rows, which no version gets right.
    trial.answered(is_live ? Side::live : Side::candidate, {id, is_live ? 1U : 2U}, answers({0}), nullptr,
                   {});
    trial.learn(truth(id, is_live ? "no" : "yes"), two_classes());
  }
  EXPECT_EQ(trial.snapshot().progress.evidence.count(), 1U);
  EXPECT_GT(trial.snapshot().progress.evidence.p_value(), 0.1);
}

TEST(RolloutTrial, ManyThreads) {
  RolloutTrial trial(rollout(Rollout::Kind::canary));
  constexpr int kEach = 2000;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&trial, t] {
      for (int i = 0; i < kEach; ++i) {
        const auto id = std::to_string(t) + "-" + std::to_string(i);
        trial.answered(trial.side_of("", id), {id}, answers({i % 2}), nullptr, {1e-3, 1e-4});
        if (i % 3 == 0) trial.learn(truth(id, "yes"), two_classes());
        if (i % 50 == 0) trial.snapshot();
      }
    });
  threads.clear();
  const auto progress = trial.snapshot().progress;
  EXPECT_EQ(progress.live.requests + progress.candidate.requests, 4U * kEach);
  EXPECT_NEAR(static_cast<double>(progress.candidate.requests), 2 * kEach, 4 * 45);
}

}  // namespace
}  // namespace ringtrain::test
