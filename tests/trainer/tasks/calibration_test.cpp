#include "trainer/tasks/calibration.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "common/errors.h"

namespace ringtrain {
namespace {

using Kind = HeadOperation::Kind;

const Head kBinary{AnswerForm::one_class, 1, {{Kind::sigmoid}}, {0.5}, {}};
const Head kThree{AnswerForm::one_class, 3, {{Kind::softmax}}, {}, {}};
const Head kLabels{AnswerForm::labels, 2, {{Kind::sigmoid}}, {0.5, 0.5}, {}};

/// Outputs that are `factor` times what the targets are drawn from.
struct Drawn {
  at::Tensor outputs;
  std::vector<double> targets;
};

Drawn draw(const Head& head, double factor, std::int64_t rows) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> even;
  Drawn drawn{at::zeros({rows, head.outputs}, at::kDouble), {}};
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t k = 0; k < head.outputs; ++k) drawn.outputs[row][k] = 2 * normal(random);
    const at::Tensor scores = scores_of(head, drawn.outputs.narrow(0, row, 1), at::kDouble)[0];
    if (head.form == AnswerForm::labels) {
      for (std::int64_t k = 0; k < head.outputs; ++k)
        drawn.targets.push_back(even(random) < scores[k].item<double>() ? 1 : 0);
    } else if (head.is_binary()) {
      drawn.targets.push_back(even(random) < scores[0].item<double>() ? 1 : 0);
    } else {
      double left = even(random);
      std::int64_t k = 0;
      while (k + 1 < head.outputs && (left -= scores[k].item<double>()) > 0) ++k;
      drawn.targets.push_back(static_cast<double>(k));
    }
  }
  drawn.outputs = drawn.outputs * factor;
  return drawn;
}

Evaluation answers_of(const Head& head, const Drawn& drawn) {
  Evaluation answers;
  answers.width = head.width();
  answers.target_width = head.form == AnswerForm::labels ? head.outputs : 1;
  const auto scores = answer_scores(head, scores_of(head, drawn.outputs, at::kDouble)).contiguous();
  answers.scores.assign(scores.const_data_ptr<double>(), scores.const_data_ptr<double>() + scores.numel());
  answers.targets = drawn.targets;
  return answers;
}

TEST(Calibration, FindsByWhatTheOutputsWereScaled) {
  for (const auto& head : {kBinary, kThree, kLabels})
    for (const double factor : {0.4, 1.0, 3.0}) {
      const auto drawn = draw(head, factor, 4000);
      EXPECT_NEAR(fit_temperature(head, answers_of(head, drawn)), factor, 0.12 * factor);
    }
}

TEST(Calibration, IsWhereTheCrossEntropyIsLeast) {
  for (const auto& head : {kBinary, kThree, kLabels}) {
    const auto drawn = draw(head, 2.5, 300);
    const double found = fit_temperature(head, answers_of(head, drawn));
    const auto loss = [&](double temperature) {
      const auto scores =
          answer_scores(head, scores_of(calibrated(head, temperature), drawn.outputs, at::kDouble));
      double sum = 0;
      for (std::int64_t row = 0; row < scores.size(0); ++row) {
        if (head.form != AnswerForm::labels) {
          sum -= std::log(scores[row][static_cast<std::int64_t>(drawn.targets[static_cast<std::size_t>(row)])]
                              .item<double>());
          continue;
        }
        for (std::int64_t k = 0; k < scores.size(1); ++k) {
          const double p = scores[row][k].item<double>();
          sum -= std::log(drawn.targets[static_cast<std::size_t>(row * 2 + k)] > 0 ? p : 1 - p);
        }
      }
      return sum;
    };
    EXPECT_LT(loss(found), loss(found * 1.01));
    EXPECT_LT(loss(found), loss(found / 1.01));
  }
}

TEST(Calibration, EndsWhereNothingIsWrong) {
  Drawn drawn{at::tensor({-1.0, 1.0}, at::kDouble).reshape({2, 1}), {0, 1}};
  EXPECT_NEAR(fit_temperature(kBinary, answers_of(kBinary, drawn)), kLeastTemperature, 1e-9);
  // Probabilities of 0 and 1, on the wrong side.
  drawn = {at::tensor({-1e4, 1e4}, at::kDouble).reshape({2, 1}), {1, 0}};
  EXPECT_NEAR(fit_temperature(kBinary, answers_of(kBinary, drawn)), kMostTemperature, 1e-6);
  EXPECT_EQ(fit_temperature(kBinary, Evaluation{}), 1);
}

TEST(Calibration, IsForProbabilities) {
  EXPECT_NO_THROW(require_calibration(kThree, 5));
  EXPECT_THROW(require_calibration(kThree, 0), ConfigError);
  EXPECT_THROW(require_calibration({AnswerForm::values, 1, {}, {}, {}}, 5), ConfigError);
  EXPECT_THROW(require_calibration({AnswerForm::tokens, 9, {}, {}, {}}, 5), ConfigError);
}

}  // namespace
}  // namespace ringtrain
