#pragma once

#include <string>
#include <vector>

#include "trainer/checks/subject.h"

namespace ringtrain::checks {

/// A learning-rate test (Smith 2017): the rate rises with each step, and the loss says how far it may.
struct RateTest {
  struct Point {
    double rate = 0, loss = 0;  ///< the loss is smoothed
  };
  std::vector<Point> curve;  ///< by rising rate, up to where it diverged
  double first = 0;          ///< the mean loss of the first steps, which move nothing
  double moves = 0;          ///< the rate from which on a fifth of what is gained at most is gained; 0: none
  double best = 0;           ///< the rate of the lowest loss
  double diverges = 0;       ///< the lowest rate at which the loss has risen far; 0: none
  /// One to advise: a third of the way back from where it diverges, or from the best.
  double advised() const;
  /// A picture of letters, 80 columns wide: loss by rate.
  std::string picture(double configured) const;
};

/// `steps` steps on the training part, at rates from `low` to `high`. Precondition: subject.can_train().
RateTest test_rates(const Subject& subject, double low = 1e-6, double high = 10, int steps = 120);

}  // namespace ringtrain::checks
