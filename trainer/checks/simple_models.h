#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "trainer/checks/goal.h"

/// Models that need no setting, against which data and a network are held.
namespace ringtrain::checks {

/// Logistic regression (of several classes softmax) or ridge regression on standardised features, with the
/// penalty |w|²/2 beside the sum of the losses.
class LinearModel {
 public:
  /// `features`: [n, d] float64; `target`: [n] classes or values.
  LinearModel(const Goal& goal, const at::Tensor& features, const std::vector<double>& target);
  /// [n, goal.outputs()]: probabilities, or the value.
  at::Tensor answer(const at::Tensor& features) const;

 private:
  void fit_classes(const at::Tensor& x, const at::Tensor& target);
  at::Tensor standardised(const at::Tensor& features) const;
  Goal goal_;
  at::Tensor shift_, scale_, weight_, bias_;
};

/// What the others of five folds say of each row: [n, outputs].
at::Tensor linear_answers_of_folds(const Goal& goal, const at::Tensor& features,
                                   const std::vector<double>& target);

/// What a row's ten nearest ones of other folds say of it, by standardised features: [n, outputs], shares of
/// the classes, or the mean value.
at::Tensor neighbour_answers(const Goal& goal, const at::Tensor& features, const std::vector<double>& target);

/// What one column says alone, by the other folds: of a row's word, or of the numbers near its own (in
/// quantiles).
at::Tensor column_answers(const Goal& goal, const std::vector<double>& column, bool category,
                          const std::vector<double>& target);

/// How well one column foretells the target alone: by column_answers, or of numbers by the seven nearest ones
/// of other folds, which see sharp steps; whichever is better.
double quality_of_column(const Goal& goal, const std::vector<double>& column, bool category,
                         const std::vector<double>& target);

}  // namespace ringtrain::checks
