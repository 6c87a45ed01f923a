#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/text.h"
#include "trainer/metrics/multilabel.h"
#include "trainer/metrics/threshold.h"
#include "trainer/tasks/built_in_tasks.h"
#include "trainer/tasks/weight_words.h"

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
    v.require("positive_weights",
              is_word(positive_weights_, "none") || is_word(positive_weights_, "balanced") ||
                  positive_numbers(positive_weights_),
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
    return multilabel_metrics(answers.scores, answers.targets, thresholds, answers.holders);
  }

  std::vector<double> choose_thresholds(const Evaluation& validation) const override {
    const auto width = validation.width;
    if (threshold_ == "fixed") return std::vector<double>(static_cast<std::size_t>(width), fixed_threshold_);
    std::vector<RankedColumn> columns;
    for (std::int64_t k = 0; k < width; ++k) columns.push_back({validation.score(k), validation.target(k)});
    return best_f1_thresholds(columns, validation.holders);
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
    if (is_word(positive_weights_, "none")) return {};
    if (!is_word(positive_weights_, "balanced"))
      return numbers_for(positive_weights_, data.labels, "task.positive_weights", "label");
    std::vector<double> weights;
    for (const auto count : data.class_counts)
      weights.push_back(static_cast<double>(std::max<std::int64_t>(1, data.rows - count)) /
                        static_cast<double>(std::max<std::int64_t>(1, count)));
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
