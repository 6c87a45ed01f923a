#pragma once

#include <vector>

namespace ringtrain {

/// What several measurements of one thing say of it.
struct Spread {
  double mean = 0, deviation = 0;  ///< with one degree of freedom less; NaN of a single one
  double low = 0, high = 0;        ///< of the mean, at 95%; NaN of a single one
};

/// Of a metric by folds. Folds share most of what they train on, so that their plain variance says too
/// little: the interval is Student's t with the variance times (1 / folds + `test_to_train`), the corrected
/// resampled t of Nadeau and Bengio (Inference for the Generalization Error, Machine Learning 52, 2003), as
/// Bouckaert and Frank (2004) take it for repeated folds. `test_to_train`: rows of a test part for each of a
/// training part. Values that are NaN are left out.
Spread spread_of(const std::vector<double>& values, double test_to_train);

/// The number that Student's t with `degrees` degrees of freedom exceeds with probability 1 - `probability`,
/// from 0.5 to below 1.
double student_t_quantile(double probability, double degrees);

}  // namespace ringtrain
