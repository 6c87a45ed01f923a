#include "trainer/tasks/task_config.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "common/text.h"

namespace ringtrain {

using config::fraction;
using config::fraction_below_one;
using config::non_negative;

void TaskConfig::describe(config::Visitor& v) {
  const auto classification = [this](config::Visitor& inner) {
    inner.field("class_weights", class_weights,
                "none; balanced (each class has the same total weight in the training part); or a weight for "
                "each class, in "
                "class order (of two classes the positive one is the last).");
    inner.field("focal_gamma", focal_gamma,
                "Focal loss (Lin et al. 2017): scales a sample's loss by (1 - p)^gamma, p being the "
                "probability of its "
                "class. 0: cross entropy.",
                non_negative());
    inner.field(
        "label_smoothing", label_smoothing,
        "Trains towards 1 - label_smoothing for the sample's class, and shares the rest evenly among all "
        "classes (Szegedy et al. 2016). The loss of validation and test is this one, too.",
        fraction_below_one());
    inner.require("label_smoothing", label_smoothing == 0 || focal_gamma == 0,
                  "is not defined together with focal_gamma; leave one of them out");
    bool numbers = class_weights.size() >= 2;
    for (const auto& word : class_weights) {
      char* end = nullptr;
      const double weight = std::strtod(word.c_str(), &end);
      numbers = numbers && weight > 0 && std::isfinite(weight) && *end == '\0';
    }
    inner.require(
        "class_weights",
        numbers ||
            (class_weights.size() == 1 && (class_weights[0] == "none" || class_weights[0] == "balanced")),
        fmt::format("expected none, balanced, or a list of positive numbers, one for each class; got [{}]",
                    join(class_weights)));
  };
  v.variants(
      "type", type, "What the model's outputs mean.",
      {{"binary_classification", "Two classes; one logit.",
        [this, classification](config::Visitor& inner) {
          classification(inner);
          inner.field("positive", positive,
                      "The positive class, by its name: the one that precision, recall, F1 and the threshold "
                      "are about. It becomes class 1. Empty: the second of the two, numbers by value, words "
                      "by text.");
          inner.field(
              "threshold", threshold,
              "How the decision threshold is chosen on the validation part: the best F1, the least cost "
              "(see cost_ratio), or fixed. It is kept with the model.",
              {"best_f1", "cost", "fixed"});
          inner.field("cost_ratio", cost_ratio,
                      "threshold: cost. What a missed positive costs, a false alarm costing 1.",
                      config::positive());
          inner.field("fixed_threshold", fixed_threshold,
                      "threshold: fixed. The probability from which on the "
                      "answer is the positive class.",
                      fraction());
        }},
       {"classification", "Several classes; softmax.", classification},
       {"regression", "A number.",
        [this](config::Visitor& inner) {
          inner.field("loss", loss,
                      "Loss of a sample: squared error, absolute error, or Huber's with delta 1 (in units of "
                      "the scaled target: one standard deviation with scale_target). Reports are in the "
                      "target's unit.",
                      {"mse", "l1", "huber"});
          inner.field(
              "scale_target", scale_target,
              "The network learns (target - mean) / deviation, both of the training part, so that the "
              "target's unit does not matter. Answers, losses and metrics are in the target's unit; "
              "exports undo it themselves.");
        }},
       {"language_model",
        "The next token: softmax over the vocabulary. Losses are nats a token; every token weighs the same.",
        [this](config::Visitor& inner) {
          inner.field(
              "chunked_loss", chunked_loss,
              "Computes the loss, and its gradient, over some tokens at a time, so that a step's largest "
              "tensors, all logits in float32, are never there. auto: on a GPU.",
              {"auto", "on", "off"});
        }}});
}

}  // namespace ringtrain
