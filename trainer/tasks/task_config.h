#pragma once

#include <string>
#include <vector>

#include "common/config.h"

namespace ringtrain {

/// The `task:` block: what the outputs mean, the loss, and how a decision is made.
struct TaskConfig {
  std::string type = "binary_classification";
  std::vector<std::string> class_weights{
      "none"};  ///< none | balanced | a weight for each class, in class order
  double focal_gamma = 0;
  double label_smoothing = 0;
  std::string threshold = "best_f1";  ///< best_f1 | cost | fixed
  double cost_ratio = 10;
  double fixed_threshold = 0.5;
  std::string positive;               ///< binary: the name of the positive class; empty: the second one
  std::string loss = "mse";           ///< regression: mse | l1 | huber
  bool scale_target = true;           ///< regression: the network learns (target - mean) / deviation
  std::string chunked_loss = "auto";  ///< language model: auto | on | off
  void describe(config::Visitor& v);
};

}  // namespace ringtrain
