#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/classes.h"
#include "trainer/metrics/multilabel.h"
#include "trainer/metrics/threshold.h"
#include "trainer/tasks/built_in_tasks.h"

namespace ringtrain {
namespace {

/// Binary cross entropy of each label; a sample's loss is the mean over them.
class MultilabelClassification : public Task {
 public:
  MultilabelClassification(const Head& head, const std::vector<double>& positive_weights)
      : Task(head, head.outputs), positive_weights_(positive_weights) {}

  LossSum loss_sum(const at::Tensor& outputs, const Fields& targets,
                   const at::Tensor& weights) const override {
    const auto of_labels = positive_weights_.empty()
                               ? at::Tensor()
                               : positive_weights_.on(outputs.device(), outputs.scalar_type());
    const auto losses =
        at::binary_cross_entropy_with_logits(outputs, targets.only().to(outputs.scalar_type()), {}, of_labels,
                                             at::Reduction::None)
            .mean(1);
    return weights.defined() ? weighted(losses, weights) : LossSum{losses.sum(), count(outputs)};
  }

 private:
  PlacedNumbers positive_weights_;
};

std::vector<double> column(const std::vector<double>& numbers, std::size_t k, std::size_t width) {
  std::vector<double> result;
  for (std::size_t i = k; i < numbers.size(); i += width) result.push_back(numbers[i]);
  return result;
}

class MultilabelClassificationKind : public TaskKind {
 public:
  std::shared_ptr<TaskKind> clone() const override {
    return std::make_shared<MultilabelClassificationKind>(*this);
  }
  std::string name() const override { return "multilabel_classification"; }
  std::string doc() const override {
    return "Any of several labels: data.target lists their columns, each 0 or 1; one logit a label. Metrics "
           "are means over the labels (macro), f1_micro counts all answers as one; subset_accuracy is the "
           "share of rows with every label right, hamming_loss the share of wrong answers.";
  }
  void describe(config::Visitor& v) override {
    v.field("positive_weights", positive_weights_,
            "What a given label counts in the loss, one that is not given counting 1: none (1); balanced "
            "(rows without the label / rows with it, in the training part); or a number for each label, in "
            "their order.");
    bool numbers = true;
    for (const auto& word : positive_weights_) {
      char* end = nullptr;
      const double weight = std::strtod(word.c_str(), &end);
      numbers = numbers && weight > 0 && std::isfinite(weight) && *end == '\0';
    }
    const bool word = positive_weights_.size() == 1 &&
                      (positive_weights_[0] == "none" || positive_weights_[0] == "balanced");
    v.require("positive_weights", !positive_weights_.empty() && (numbers || word),
              fmt::format("expected none, balanced, or positive numbers, one for each label; got [{}]",
                          join(positive_weights_)));
    v.field("threshold", threshold_,
            "How each label's decision threshold is chosen on the validation part: its best F1, or fixed.",
            {"best_f1", "fixed"});
    v.field("fixed_threshold", fixed_threshold_,
            "threshold: fixed. The probability from which on a label is given.", config::fraction());
  }

  TargetKind target() const override { return TargetKind::flags; }
  bool takes_several_targets() const override { return true; }
  std::vector<Metric> metrics() const override {
    return {{"subset_accuracy"},
            {"hamming_loss", false},
            {"precision"},
            {"recall"},
            {"f1"},
            {"f1_micro"},
            {"roc_auc"},
            {"pr_auc"}};
  }

  MetricsReport judge(const Evaluation& answers, const std::vector<double>& thresholds) const override {
    return multilabel_metrics(answers.scores, answers.targets, thresholds);
  }

  std::vector<double> choose_thresholds(const Evaluation& validation) const override {
    const auto width = static_cast<std::size_t>(validation.width);
    if (threshold_ == "fixed") return std::vector<double>(width, fixed_threshold_);
    std::vector<double> thresholds;
    for (std::size_t k = 0; k < width; ++k) {
      const auto targets = column(validation.targets, k, width);
      const std::vector<std::int64_t> labels(targets.begin(), targets.end());
      thresholds.push_back(best_f1_threshold(column(validation.scores, k, width), labels));
    }
    return thresholds;
  }

  /// Binary cross entropy, the mean over the labels.
  std::vector<double> losses(const Evaluation& answers, const std::vector<TargetScale>&) const override {
    constexpr double least_probability = 1e-12;
    const auto width = static_cast<std::size_t>(answers.width);
    std::vector<double> losses(answers.size());
    for (std::size_t i = 0; i < answers.targets.size(); ++i) {
      const double p = answers.targets[i] > 0 ? answers.scores[i] : 1 - answers.scores[i];
      losses[i / width] -= std::log(std::max(p, least_probability)) / static_cast<double>(width);
    }
    return losses;
  }

  std::unique_ptr<Task> make(const TaskData& data) const override {
    const auto labels = data.labels.size();
    return std::make_unique<MultilabelClassification>(Head{.form = AnswerForm::labels,
                                                           .outputs = static_cast<std::int64_t>(labels),
                                                           .operations = {{HeadOperation::Kind::sigmoid}},
                                                           .thresholds = std::vector<double>(labels, 0.5)},
                                                      weights(data));
  }

 private:
  std::vector<double> weights(const TaskData& data) const {
    if (positive_weights_.front() == "none") return {};
    std::vector<double> weights;
    if (positive_weights_.front() == "balanced") {
      for (const auto count : data.class_counts)
        weights.push_back(static_cast<double>(std::max<std::int64_t>(1, data.rows - count)) /
                          static_cast<double>(std::max<std::int64_t>(1, count)));
      return weights;
    }
    if (positive_weights_.size() != data.labels.size())
      throw ConfigError(
          fmt::format("task.positive_weights: expected {} numbers, one for each label ({}), got {}",
                      data.labels.size(), shortened(data.labels), positive_weights_.size()));
    for (const auto& word : positive_weights_) weights.push_back(std::strtod(word.c_str(), nullptr));
    return weights;
  }

  std::vector<std::string> positive_weights_{"none"};
  std::string threshold_ = "best_f1";
  double fixed_threshold_ = 0.5;
};

}  // namespace

std::shared_ptr<TaskKind> multilabel_classification_kind() {
  return std::make_shared<MultilabelClassificationKind>();
}

}  // namespace ringtrain
