#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>

#include "common/text.h"
#include "trainer/checks/boosted_trees.h"
#include "trainer/checks/built_in_checks.h"
#include "trainer/checks/simple_models.h"
#include "trainer/evaluation.h"
#include "trainer/metrics/report.h"
#include "trainer/precision/autocast.h"
#include "trainer/step_plan.h"

namespace ringtrain::checks {
namespace {

/// How long the run's own model is trained to be put beside the others.
constexpr std::chrono::seconds kMostTime(20);

struct Peer {
  std::string name;
  double quality = 0;
  std::string metrics;  ///< the task's own
};

class BaselineCheck : public Check {
 public:
  std::string name() const override { return "baseline"; }
  std::string doc() const override {
    return "The model after a short training beside logistic or ridge regression, and boosted trees where "
           "there is libxgboost, on the same split.";
  }

  Finding run(Subject& subject) const override {
    const auto* columns = subject.columns();
    if (!columns) return skipped(name(), subject.why_no_columns());
    if (subject.task().head().form == AnswerForm::labels || subject.data().preprocessing.targets.size() > 1)
      return skipped(name(), "there are several targets");
    const std::size_t part = columns->parts[1].rows() > 0 ? 1 : 2;
    const auto& judged = columns->parts[part];
    if (judged.rows() < 20) return skipped(name(), "the validation part has fewer than 20 rows");
    const auto& goal = columns->goal;
    const double chance = goal.chance(judged.target);
    const Peer linear = linear_peer(subject, *columns, judged);
    const auto trees = tree_peer(subject, *columns, judged);
    std::string trained;
    bool cut_short = false;
    std::optional<Peer> own;
    if (subject.can_train()) own = network(subject, part, judged, trained, cut_short);
    std::vector<std::string> shown;
    for (const Peer* one : {&linear, trees ? &*trees : nullptr, own ? &std::as_const(*own) : nullptr})
      if (one)
        shown.push_back(fmt::format("{} {} {:.4g}{}", one->name, goal.metric(), one->quality, one->metrics));
    const auto value =
        fmt::format("{} part: {}; chance {:.4g}", kPartNames[part], join(shown, ", "), chance) +
        (trained.empty() ? "" : "; " + trained);
    const double noise = goal.noise(judged.target), learnable = linear.quality - chance;
    if (!(linear.quality - chance > 2 * noise))
      return warning(
          name(), value,
          "not even a simple model does better than chance: do the features say anything of the target?");
    if (!own) return good(name(), value);
    const double gained = own->quality - chance;
    const bool is_worse = linear.quality - own->quality > std::max(0.05 * learnable, 2 * noise);
    if (cut_short && is_worse) return good(name(), value + ", too early to compare");
    if (!(gained > 0.25 * learnable))
      return bad(name(), value,
                 "the model learns much less than a line through the data: look at the learning rate, the "
                 "normalisation, the loss");
    if (is_worse)
      return warning(name(), value,
                     "the simple model is better: train longer, change the learning rate, or take it");
    if (trees && !cut_short &&
        trees->quality - own->quality > std::max(0.1 * (trees->quality - chance), 3 * noise))
      return warning(name(), value,
                     "boosted trees find more in these columns: a wider model, other features, or trees");
    return good(name(), value);
  }

 private:
  static std::string own_metrics(const Subject& subject, const Evaluation& answers) {
    const auto& kind = subject.config().task.kind();
    const auto report = kind.judge(answers, kind.choose_thresholds(answers));
    const auto& wanted = subject.config().trainer.checkpoint.metric;
    const auto value = report.find(wanted);
    return value ? fmt::format(" ({} {:.4g})", wanted, *value) : "";
  }

  static Peer linear_peer(Subject& subject, const Columns& columns, const ColumnPart& judged) {
    const auto& train = columns.train();
    const LinearModel model(columns.goal, train.features, train.target);
    return peer_of(subject, columns, judged,
                   columns.goal.classes > 0 ? "logistic regression" : "ridge regression",
                   model.answer(judged.features));
  }

  /// Of tables of up to a few hundred features: their time grows with rows times features.
  static std::optional<Peer> tree_peer(Subject& subject, const Columns& columns, const ColumnPart& judged) {
    constexpr std::int64_t kMostFeatures = 300;
    const auto& train = columns.train();
    if (train.features.size(1) > kMostFeatures) return std::nullopt;
    std::string why;
    const auto answers = boosted_trees(columns.goal, train.features, train.target, judged.features, why);
    if (!answers) return std::nullopt;
    return peer_of(subject, columns, judged, "boosted trees", *answers);
  }

  static Peer peer_of(Subject& subject, const Columns& columns, const ColumnPart& judged, std::string name,
                      const at::Tensor& answers) {
    Peer peer{std::move(name), columns.goal.quality(answers, judged.target), ""};
    if (static_cast<std::int64_t>(judged.rows()) < judged.all_rows || !subject.can_train()) return peer;
    Evaluation evaluation;
    evaluation.holders = Holders(subject.world().control());
    evaluation.width = columns.goal.outputs();
    const auto scores = answers.contiguous();
    evaluation.scores.assign(scores.const_data_ptr<double>(),
                             scores.const_data_ptr<double>() + scores.numel());
    evaluation.targets = judged.target;
    evaluation.rows = judged.places;
    if (evaluation.width == subject.task().head().width()) peer.metrics = own_metrics(subject, evaluation);
    return peer;
  }

  static Peer network(Subject& subject, std::size_t part, const ColumnPart& judged, std::string& told,
                      bool& cut_short) {
    const auto& config = subject.config();
    const auto& train = *subject.data().train;
    const auto batch = config.trainer.global_batch_size;
    const auto plan = StepPlan::of(config.trainer, (train.size() + batch - 1) / batch);
    const auto begin = std::chrono::steady_clock::now();
    const Course course = subject.train(config, train, plan.total, [&](const Course&) {
      return std::chrono::steady_clock::now() - begin < kMostTime;
    });
    told = course.failure.empty() ? fmt::format("the model after {} of {} steps",
                                                with_commas(static_cast<long long>(course.losses.size())),
                                                with_commas(plan.total))
                                  : "the training failed: " + course.failure;
    if (!course.failure.empty()) return {config.model.type, -1, ""};
    cut_short = 2 * static_cast<std::int64_t>(course.losses.size()) < plan.total;
    const auto& dataset = part == 1 ? *subject.data().validation : *subject.data().test;
    const auto answers = evaluate(course.replica.model, subject.task(), dataset, subject.world().control(),
                                  subject.device(), autocast_type(config.trainer.precision));
    const auto width = answers.width;
    const auto scores = at::tensor(answers.scores, at::kDouble).reshape({-1, width});
    Goal goal;
    if (subject.task().head().form == AnswerForm::one_class) goal.classes = width;
    // Of quantiles the middle one stands for the number.
    const auto of_goal = goal.classes > 0 ? scores : scores.select(1, width / 2);
    const bool all = judged.rows() == answers.size();
    return {config.model.type, goal.quality(of_goal, all ? judged.target : answers.targets),
            own_metrics(subject, answers)};
  }
};

}  // namespace

std::unique_ptr<Check> baseline_check() { return std::make_unique<BaselineCheck>(); }

}  // namespace ringtrain::checks
