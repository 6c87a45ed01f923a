#include "launch/report/answer_measures.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "launch/report/measures.h"
#include "serving/predict/model_outputs.h"

namespace ringtrain::report {
namespace {

using nlohmann::ordered_json;

std::vector<double> column_of(const std::vector<double>& numbers, std::int64_t k, std::int64_t width) {
  std::vector<double> column;
  for (auto i = static_cast<std::size_t>(k); i < numbers.size(); i += static_cast<std::size_t>(width))
    column.push_back(numbers[i]);
  return column;
}

constexpr std::size_t kCurvePoints = 300;
constexpr std::int64_t kMostCurves = 10, kMostPoints = 600;

/// The classes of rows, as the head decides.
std::vector<std::int64_t> decided(const Head& head, const Evaluation& answers) {
  const auto rows = static_cast<std::int64_t>(answers.size());
  if (rows == 0) return {};
  const auto scores = at::tensor(answers.scores, at::kDouble).view({rows, answers.width});
  const auto classes = decisions_of(head, scores).contiguous();
  return {classes.const_data_ptr<std::int64_t>(), classes.const_data_ptr<std::int64_t>() + rows};
}

std::vector<std::int64_t> truths(const Evaluation& answers) {
  std::vector<std::int64_t> classes;
  for (const double target : answers.targets) classes.push_back(std::llround(target));
  return classes;
}

ordered_json pair_of(double a, double b) { return ordered_json::array({finite(a), finite(b)}); }

ordered_json curves_json(const std::string& name, std::span<const double> scores,
                         const std::vector<char>& positive, const double* threshold) {
  const auto curves = RankingCurves::of(scores, positive);
  ordered_json json{{"name", name},
                    {"positives", curves.positives},
                    {"negatives", curves.negatives},
                    {"roc_auc", finite(curves.roc_auc)},
                    {"average_precision", finite(curves.average_precision)},
                    {"roc", ordered_json::array()},
                    {"precision_recall", ordered_json::array()}};
  for (const auto& point : curves.thinned(kCurvePoints)) {
    if (curves.positives > 0 && curves.negatives > 0)
      json["roc"].push_back(pair_of(point.false_positive_rate, point.true_positive_rate));
    if (curves.positives > 0)
      json["precision_recall"].push_back(pair_of(point.true_positive_rate, point.precision));
  }
  if (!threshold) return json;
  const auto at = curves.at(*threshold);
  json["threshold"] = {{"value", *threshold},
                       {"false_positive_rate", finite(at.false_positive_rate)},
                       {"recall", finite(at.true_positive_rate)},
                       {"precision", finite(at.precision)}};
  return json;
}

ordered_json calibration_json(const Calibration& calibration, double brier) {
  ordered_json bins = ordered_json::array();
  for (const auto& bin : calibration.bins)
    bins.push_back({{"low", bin.low},
                    {"high", bin.high},
                    {"rows", bin.rows},
                    {"said", finite(bin.said)},
                    {"seen", finite(bin.seen)}});
  return {{"ece", finite(calibration.expected_error)}, {"brier", finite(brier)}, {"bins", bins}};
}

std::vector<char> equal_to(const std::vector<std::int64_t>& classes, std::int64_t wanted) {
  std::vector<char> flags;
  for (const auto one : classes) flags.push_back(one == wanted);
  return flags;
}

/// One class of several: by class against the rest, and how sure the model was of its choice.
void add_classes(const AskedModel& model, const Evaluation& answers, ordered_json& json) {
  const auto& manifest = model.manifest();
  const auto& head = manifest.head;
  const auto truth = truths(answers), chosen = decided(head, answers);
  const std::int64_t classes = answers.width;
  auto ranking = ordered_json::array(), by_class = ordered_json::array();
  for (std::int64_t k = 0; k < classes; ++k) {
    std::int64_t right = 0, rows = 0, said = 0;
    for (std::size_t i = 0; i < truth.size(); ++i) {
      rows += truth[i] == k;
      said += chosen[i] == k;
      right += truth[i] == k && chosen[i] == k;
    }
    const auto share = [right](std::int64_t of) {
      return of > 0 ? static_cast<double>(right) / static_cast<double>(of) : 0.0;
    };
    const double both = static_cast<double>(rows + said);
    ordered_json entry{{"name", label_of(manifest, k)},
                       {"rows", rows},
                       {"predicted", said},
                       {"precision", share(said)},
                       {"recall", share(rows)},
                       {"f1", both > 0 ? 2 * static_cast<double>(right) / both : 0}};
    if (!head.is_binary() || k == 1) {
      auto curves = curves_json(label_of(manifest, k), column_of(answers.scores, k, classes),
                                equal_to(truth, k), head.is_binary() ? head.thresholds.data() : nullptr);
      entry["roc_auc"] = curves["roc_auc"];
      entry["average_precision"] = curves["average_precision"];
      if (static_cast<std::int64_t>(ranking.size()) < kMostCurves) ranking.push_back(std::move(curves));
    }
    by_class.push_back(std::move(entry));
  }
  json["classes"] = std::move(by_class);
  json["ranking"] = std::move(ranking);
  std::vector<double> sure;
  std::vector<char> came_true;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const auto* row = answers.scores.data() + i * static_cast<std::size_t>(classes);
    const auto likeliest = std::max_element(row, row + classes) - row;
    sure.push_back(head.is_binary() ? row[1] : row[likeliest]);
    came_true.push_back(head.is_binary() ? truth[i] == 1 : truth[i] == likeliest);
  }
  json["calibration"] =
      calibration_json(Calibration::of(sure, came_true), brier_score(answers.scores, classes, truth));
  json["calibration"]["of"] = head.is_binary() ? "positive" : "likeliest";
}

/// Any of the labels: each one by itself.
void add_labels(const AskedModel& model, const Evaluation& answers, ordered_json& json) {
  const auto& manifest = model.manifest();
  auto ranking = ordered_json::array(), by_label = ordered_json::array();
  std::vector<double> all;
  std::vector<char> all_true;
  double squares = 0;
  for (std::int64_t k = 0; k < answers.width; ++k) {
    const auto scores = column_of(answers.scores, k, answers.width);
    std::vector<char> given;
    const double threshold = manifest.head.thresholds.at(static_cast<std::size_t>(k));
    std::int64_t rows = 0, said = 0, right = 0;
    const auto targets = column_of(answers.targets, k, answers.target_width);
    for (std::size_t i = 0; i < targets.size(); ++i) {
      given.push_back(targets[i] > 0.5);
      rows += targets[i] > 0.5;
      said += scores[i] >= threshold;
      right += targets[i] > 0.5 && scores[i] >= threshold;
      squares += (scores[i] - targets[i]) * (scores[i] - targets[i]);
      all.push_back(scores[i]);
      all_true.push_back(given.back());
    }
    auto curves = curves_json(label_of(manifest, k), scores, given, &threshold);
    const auto share = [right](std::int64_t of) {
      return of > 0 ? static_cast<double>(right) / static_cast<double>(of) : 0.0;
    };
    by_label.push_back(
        {{"name", label_of(manifest, k)},
         {"rows", rows},
         {"predicted", said},
         {"precision", share(said)},
         {"recall", share(rows)},
         {"f1", rows + said > 0 ? 2 * static_cast<double>(right) / static_cast<double>(rows + said) : 0},
         {"roc_auc", curves["roc_auc"]},
         {"average_precision", curves["average_precision"]}});
    if (static_cast<std::int64_t>(ranking.size()) < kMostCurves) ranking.push_back(std::move(curves));
  }
  json["classes"] = std::move(by_label);
  json["ranking"] = std::move(ranking);
  json["calibration"] = calibration_json(Calibration::of(all, all_true),
                                         all.empty() ? NAN : squares / static_cast<double>(all.size()));
  json["calibration"]["of"] = "labels";
}

ordered_json residuals_json(const std::string& name, const std::vector<double>& answers,
                            const std::vector<double>& targets) {
  const auto found = Residuals::of(answers, targets);
  ordered_json json{{"name", name},
                    {"rows", found.rows},
                    {"bias", finite(found.mean)},
                    {"mae", finite(found.mean_absolute)},
                    {"rmse", finite(found.root_mean_square)},
                    {"r2", finite(found.r2)},
                    {"quantiles", found.quantiles},
                    {"edges", found.edges},
                    {"counts", found.counts},
                    {"points", ordered_json::array()}};
  std::vector<std::int64_t> places(answers.size());
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = static_cast<std::int64_t>(i);
  for (const auto place : sampled(std::move(places), kMostPoints)) {
    const auto i = static_cast<std::size_t>(place);
    json["points"].push_back(pair_of(targets[i], answers[i]));
  }
  return json;
}

void add_values(const AskedModel& model, const Evaluation& answers, ordered_json& json) {
  const auto& targets = model.manifest().preprocessing.targets;
  if (answers.width == answers.target_width) {
    json["residuals"] = ordered_json::array();
    for (std::int64_t k = 0; k < std::min<std::int64_t>(answers.width, 6); ++k)
      json["residuals"].push_back(residuals_json(
          static_cast<std::size_t>(k) < targets.size() ? targets[static_cast<std::size_t>(k)] : "",
          column_of(answers.scores, k, answers.width), column_of(answers.targets, k, answers.target_width)));
    return;
  }
  if (answers.target_width != 1) return;
  json["quantiles"] = ordered_json::array();
  for (std::int64_t k = 0; k < answers.width; ++k) {
    const auto values = column_of(answers.scores, k, answers.width);
    std::int64_t below = 0;
    for (std::size_t i = 0; i < values.size(); ++i) below += answers.targets[i] <= values[i];
    const auto name = static_cast<std::size_t>(k) < answers.names.size()
                          ? answers.names[static_cast<std::size_t>(k)]
                          : std::to_string(k);
    json["quantiles"].push_back(
        {{"name", name}, {"below", finite(static_cast<double>(below) / static_cast<double>(values.size()))}});
  }
}

}  // namespace

std::vector<char> right_rows(const AskedModel& model, const AnsweredPart& part) {
  const auto& answers = part.answers.answers;
  std::vector<char> right;
  if (model.manifest().head.form != AnswerForm::one_class) return right;
  const auto truth = truths(answers), chosen = decided(model.manifest().head, answers);
  for (std::size_t i = 0; i < truth.size(); ++i) right.push_back(truth[i] == chosen[i]);
  return right;
}

ordered_json measures_of(const AskedModel& model, const AnsweredPart& part) {
  const auto& answers = part.answers.answers;
  const auto report = judge_answers(part.answers, model.manifest());
  ordered_json json{{"rows", answers.size()}, {"of_rows", part.whole}, {"file", part.file}};
  json["metrics"] = ordered_json::object();
  for (const auto& [name, value] : report.values) json["metrics"][name] = finite(value);
  if (!report.confusion.empty()) json["confusion_matrix"] = report.confusion;
  if (!part.answers.unseen.empty()) json["unseen"] = part.answers.unseen;
  switch (model.manifest().head.form) {
    case AnswerForm::one_class:
      add_classes(model, answers, json);
      break;
    case AnswerForm::labels:
      add_labels(model, answers, json);
      break;
    case AnswerForm::values:
      add_values(model, answers, json);
      break;
    case AnswerForm::tokens:
      break;
  }
  return json;
}

}  // namespace ringtrain::report
