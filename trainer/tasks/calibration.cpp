#include "trainer/tasks/calibration.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "common/errors.h"

namespace ringtrain {
namespace {

/// log p, finite.
double log_of(double probability) {
  return std::log(std::max(probability, std::numeric_limits<double>::min()));
}

/// log (p / (1 - p)), finite.
double logit_of(double probability) { return log_of(probability) - log_of(1 - probability); }

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// Of one row: what its cross entropy grows by with 1 / T, at `inverse` = 1 / T. It rises with `inverse`: the
/// cross entropy is convex in it.
class Slope {
 public:
  Slope(const Head& head, const Evaluation& answers)
      : answers_(answers), binary_(head.is_binary()), labels_(head.form == AnswerForm::labels) {}

  double operator()(std::size_t row, double inverse) const {
    const auto width = static_cast<std::size_t>(answers_.width);
    const double* scores = &answers_.scores[row * width];
    if (labels_) {
      double sum = 0;
      for (std::size_t k = 0; k < width; ++k)
        sum += of_one(scores[k], answers_.targets[row * width + k], inverse);
      return sum;
    }
    const double target = answers_.targets[row];
    return binary_ ? of_one(scores[1], target, inverse)
                   : of_classes(scores, width, static_cast<std::size_t>(target), inverse);
  }

 private:
  static double of_one(double probability, double target, double inverse) {
    const double output = logit_of(probability);
    return (sigmoid(inverse * output) - target) * output;
  }
  static double of_classes(const double* scores, std::size_t width, std::size_t target, double inverse) {
    const double top = log_of(*std::max_element(scores, scores + width));
    double sum = 0, weighted = 0;
    for (std::size_t k = 0; k < width; ++k) {
      const double output = log_of(scores[k]) - top, weight = std::exp(inverse * output);
      sum += weight;
      weighted += weight * output;
    }
    return weighted / sum - (log_of(scores[target]) - top);
  }

  const Evaluation& answers_;
  bool binary_, labels_;
};

}  // namespace

void require_calibration(const Head& head, std::int64_t validation_rows) {
  using Kind = HeadOperation::Kind;
  const bool probabilities =
      (head.form == AnswerForm::one_class || head.form == AnswerForm::labels) &&
      head.operations.size() == 1 &&
      (head.operations[0].kind == Kind::sigmoid || head.operations[0].kind == Kind::softmax);
  if (!probabilities)
    throw ConfigError(
        "task.calibrate: temperature is for tasks whose answers are probabilities of classes or labels; "
        "leave it out");
  if (validation_rows == 0)
    throw ConfigError(
        "task.calibrate: temperature is fitted on the validation part, which has no rows; give it some "
        "(data.split.validation), or leave it out");
}

std::string told_calibration(double temperature, double before, double after) {
  const bool at_the_end = temperature < kLeastTemperature * 1.001 || temperature > kMostTemperature / 1.001;
  return fmt::format(
      "calibrated on the validation part: temperature {:.4g}; its loss was {:.6g}, is {:.6g}{}", temperature,
      before, after,
      at_the_end ? ". That is the end of what is tried: the part is too small, or the model "
                   "tells its classes apart without fault, or not at all"
                 : "");
}

double fit_temperature(const Head& head, const Evaluation& answers) {
  if (answers.total() == 0) return 1;
  const Slope slope(head, answers);
  double low = std::log(1 / kMostTemperature), high = std::log(1 / kLeastTemperature);
  // Halves until no double is between them, or nearly so.
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2, inverse = std::exp(middle);
    const double whole = answers.sum([&](std::size_t row) { return slope(row, inverse); });
    (whole < 0 ? low : high) = middle;
  }
  return std::exp(-(low + high) / 2);
}

Head calibrated(Head head, double temperature) {
  head.operations.insert(head.operations.begin(), {HeadOperation::Kind::scale, {1 / temperature}, {0}});
  return head;
}

double temperature_of(const Head& head) {
  const bool probabilities = head.form == AnswerForm::one_class || head.form == AnswerForm::labels;
  if (!probabilities || head.operations.empty() || head.operations[0].kind != HeadOperation::Kind::scale)
    return 1;
  return 1 / head.operations[0].scale.at(0);
}

LossSum CalibratedTask::loss_sum(const at::Tensor& outputs, const Fields& targets,
                                 const at::Tensor& weights) const {
  return task_->loss_sum(outputs / temperature_, targets, weights);
}

}  // namespace ringtrain
