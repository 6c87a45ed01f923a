#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <numeric>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/classes.h"
#include "trainer/metrics/classification.h"
#include "trainer/metrics/threshold.h"
#include "trainer/tasks/built_in_tasks.h"
#include "trainer/tasks/weight_words.h"

namespace ringtrain {
namespace {

/// Options of both kinds.
struct ClassLoss {
  std::vector<std::string> class_weights{"none"};  ///< or balanced, or a number for each class
  double focal_gamma = 0;
  double label_smoothing = 0;

  void describe(config::Visitor& v);
  /// Empty for none.
  std::vector<double> weights(const TaskData& data) const;
};

void ClassLoss::describe(config::Visitor& v) {
  v.field("class_weights", class_weights,
          "none; balanced (each class has the same total weight in the training part); or a weight for "
          "each class, in "
          "class order (of two classes the positive one is the last).");
  v.field("focal_gamma", focal_gamma,
          "Focal loss (Lin et al. 2017): scales a sample's loss by (1 - p)^gamma, p being the "
          "probability of its "
          "class. 0: cross entropy.",
          config::non_negative());
  v.field("label_smoothing", label_smoothing,
          "Trains towards 1 - label_smoothing for the sample's class, and shares the rest evenly among all "
          "classes (Szegedy et al. 2016). The loss of validation and test is this one, too.",
          config::fraction_below_one());
  v.require("label_smoothing", label_smoothing == 0 || focal_gamma == 0,
            "is not defined together with focal_gamma; leave one of them out");
  v.require(
      "class_weights",
      is_word(class_weights, "none") || is_word(class_weights, "balanced") ||
          (class_weights.size() >= 2 && positive_numbers(class_weights)),
      fmt::format("expected none, balanced, or a list of positive numbers, one for each class; got [{}]",
                  join(class_weights)));
}

std::vector<double> ClassLoss::weights(const TaskData& data) const {
  if (is_word(class_weights, "none")) return {};
  if (!is_word(class_weights, "balanced"))
    return numbers_for(class_weights, data.labels, "task.class_weights", "class");
  std::vector<double> weights;
  const auto& counts = data.class_counts;
  const auto total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
  for (const auto count : counts)
    weights.push_back(total / (static_cast<double>(counts.size()) * static_cast<double>(count)));
  return weights;
}

/// Two classes, one logit; or K classes, K logits. Losses are weighted by class and, with gamma > 0, focal.
class Classification : public Task {
 public:
  Classification(Head head, const ClassLoss& loss, const TaskData& data)
      : Task(std::move(head)),
        gamma_(loss.focal_gamma),
        smoothing_(loss.label_smoothing),
        class_weights_(loss.weights(data)) {}

  LossSum loss_sum(const at::Tensor& outputs, const Fields& targets,
                   const at::Tensor& weights) const override {
    const bool plain = gamma_ <= 0 && class_weights_.empty() && !weights.defined();
    const auto reduction = plain ? at::Reduction::Sum : at::Reduction::None;
    at::Tensor losses = head().is_binary()
                            ? at::binary_cross_entropy_with_logits(
                                  outputs.squeeze(1), wanted(targets, outputs), {}, {}, reduction)
                            : at::cross_entropy_loss(outputs, targets, {}, reduction,
                                                     /*ignore_index=*/-100, smoothing_);
    if (plain) return {losses, count(outputs)};
    // Cross entropy is -log p of the sample's class, for one logit as for K.
    if (gamma_ > 0) losses = at::pow(doubt(losses), gamma_) * losses;
    if (class_weights_.empty())
      return weights.defined() ? weighted(losses, weights) : LossSum{losses.sum(), count(outputs)};
    const auto by_class = class_weights_.on(outputs.device(), outputs.scalar_type()).index_select(0, targets);
    return weighted(losses, weights.defined() ? by_class * weights : by_class);
  }

 private:
  /// 1 - p of a loss -log p, with all its digits where p is nearly 1; never 0, where the derivative of a
  /// power below 1 is infinite, and infinity times a loss of 0 no number.
  static at::Tensor doubt(const at::Tensor& losses) {
    const double least = losses.scalar_type() == at::kDouble ? DBL_MIN : FLT_MIN;
    return at::clamp_min(at::neg(at::expm1(at::neg(losses))), least);
  }

  /// Of one logit: the probability of class 1 that is trained towards.
  at::Tensor wanted(const at::Tensor& targets, const at::Tensor& outputs) const {
    const auto exact = targets.to(outputs.scalar_type());
    return smoothing_ > 0 ? exact * (1 - smoothing_) + smoothing_ / 2 : exact;
  }

  double gamma_, smoothing_;
  PlacedNumbers class_weights_;
};

/// What both kinds have in common.
class ClassKind : public TaskKind {
 public:
  TargetKind target() const override { return TargetKind::classes; }
  bool predicts_classes() const override { return true; }
  std::vector<Metric> metrics() const override {
    return {{"accuracy"}, {"precision"}, {"recall"}, {"f1"}, {"roc_auc"}, {"pr_auc"}};
  }
  /// Cross entropy.
  std::vector<double> losses(const Evaluation& answers, const std::vector<TargetScale>&) const override {
    constexpr double least_probability = 1e-12;
    const auto width = static_cast<std::size_t>(answers.width);
    std::vector<double> losses;
    for (std::size_t row = 0; row < answers.targets.size(); ++row) {
      const auto place = row * width + static_cast<std::size_t>(answers.targets[row]);
      losses.push_back(-std::log(std::max(answers.scores[place], least_probability)));
    }
    return losses;
  }

 protected:
  ClassLoss loss_;
};

class BinaryClassificationKind : public ClassKind {
 public:
  std::shared_ptr<TaskKind> clone() const override {
    return std::make_shared<BinaryClassificationKind>(*this);
  }
  std::string name() const override { return "binary_classification"; }
  std::string doc() const override { return "Two classes; one logit."; }
  void describe(config::Visitor& v) override {
    loss_.describe(v);
    v.field("positive", positive_,
            "The positive class, by its name: the one that precision, recall, F1 and the threshold "
            "are about. It becomes class 1. Empty: the second of the two, numbers by value, words "
            "by text.");
    v.field("threshold", threshold_,
            "How the decision threshold is chosen on the validation part: the best F1, the least cost "
            "(see cost_ratio), or fixed. It is kept with the model.",
            {"best_f1", "cost", "fixed"});
    v.field("cost_ratio", cost_ratio_,
            "threshold: cost. What a missed positive costs, a false alarm costing 1.", config::positive());
    v.field("fixed_threshold", fixed_threshold_,
            "threshold: fixed. The probability from which on the "
            "answer is the positive class.",
            config::fraction());
  }
  std::optional<std::string> positive_class() const override { return positive_; }

  MetricsReport judge(const Evaluation& answers, const std::vector<double>& thresholds) const override {
    return binary_metrics(answers.score(1), answers.target(0), thresholds.at(0), answers.holders);
  }
  std::vector<double> choose_thresholds(const Evaluation& validation) const override {
    if (threshold_ == "fixed") return {fixed_threshold_};
    const RankedColumn column{validation.score(1), validation.target(0)};
    const std::span columns(&column, 1);
    return threshold_ == "cost" ? least_cost_thresholds(columns, cost_ratio_, validation.holders)
                                : best_f1_thresholds(columns, validation.holders);
  }

  std::unique_ptr<Task> make(const TaskData& data) const override {
    const auto& labels = data.labels;
    if (labels.size() != 2)
      throw ConfigError(fmt::format(
          "task.type: {} needs two classes, but the target has {}: {}. Use {}, or another target", name(),
          labels.size(), shortened(labels),
          count_decimals(labels) > 0 ? "regression to predict a number, classification" : "classification"));
    return std::make_unique<Classification>(Head{.form = AnswerForm::one_class,
                                                 .outputs = 1,
                                                 .operations = {{HeadOperation::Kind::sigmoid}},
                                                 .thresholds = {0.5}},
                                            loss_, data);
  }

 private:
  std::string positive_;  ///< empty: the second one
  std::string threshold_ = "best_f1";
  double cost_ratio_ = 10;
  double fixed_threshold_ = 0.5;
};

class ClassificationKind : public ClassKind {
 public:
  std::shared_ptr<TaskKind> clone() const override { return std::make_shared<ClassificationKind>(*this); }
  std::string name() const override { return "classification"; }
  std::string doc() const override { return "Several classes; softmax."; }
  void describe(config::Visitor& v) override { loss_.describe(v); }

  MetricsReport judge(const Evaluation& answers, const std::vector<double>&) const override {
    return multiclass_metrics(answers.scores, answers.width, answers.target(0), answers.holders);
  }
  std::unique_ptr<Task> make(const TaskData& data) const override {
    return std::make_unique<Classification>(Head{.form = AnswerForm::one_class,
                                                 .outputs = static_cast<std::int64_t>(data.labels.size()),
                                                 .operations = {{HeadOperation::Kind::softmax}}},
                                            loss_, data);
  }
};

}  // namespace

std::shared_ptr<TaskKind> binary_classification_kind() {
  return std::make_shared<BinaryClassificationKind>();
}
std::shared_ptr<TaskKind> classification_kind() { return std::make_shared<ClassificationKind>(); }

}  // namespace ringtrain
