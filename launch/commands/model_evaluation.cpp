#include "launch/commands/model_evaluation.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <unordered_map>

#include "common/errors.h"
#include "common/log.h"
#include "common/text.h"
#include "data/schema/classes.h"
#include "data/schema/excerpt.h"
#include "data/schema/vocabulary.h"
#include "trainer/judgement.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kRowsAtOnce = 4096;
constexpr double kLeastProbability = 1e-12;

std::vector<double> targets_of(const Table& table, const Manifest& manifest) {
  const auto count = static_cast<std::size_t>(table.rows());
  std::vector<double> targets(count);
  if (manifest.head.form != AnswerForm::one_class) {
    const at::Tensor values = table.target.to(at::kDouble).contiguous();
    std::copy_n(values.const_data_ptr<double>(), count, targets.begin());
    return targets;
  }
  const auto* classes = table.target.const_data_ptr<std::int64_t>();
  std::copy_n(classes, count, targets.begin());
  return targets;
}

Predictor::Rows rows_of(const Table& table, const std::vector<std::int64_t>& places,
                        const Preprocessing& schema) {
  Predictor::Rows rows;
  rows.numeric = table.numbers(places, schema.numeric_type());
  for (const auto& column : table.categorical) {
    auto& words = rows.categorical.emplace_back();
    for (const auto place : places) words.push_back(column[static_cast<std::size_t>(place)]);
  }
  return rows;
}

/// Words that training did not see are refused, where the model was trained so.
void refuse_unseen(const Table& table, const Preprocessing& schema, const std::string& file) {
  for (std::size_t c = 0; c < table.categorical.size(); ++c)
    for (std::int64_t row = 0; row < table.rows(); ++row) {
      const auto& word = table.categorical[c][static_cast<std::size_t>(row)];
      if (!word.empty() && !contains(schema.categorical[c].vocabulary, word))
        throw DataError(
            fmt::format("{}: row {}, column '{}': training did not see {} there (data.unseen: error)", file,
                        with_commas(table.file_row(row) + 1), schema.categorical[c].name, excerpt(word)));
    }
}

/// The loss that a regression was trained with; Huber's delta is the target's scale (trainer/tasks/task.h).
double regression_loss(double error, const Manifest& manifest) {
  const auto kind = manifest.provenance.value("loss", std::string("mse"));
  const double delta = manifest.preprocessing.target_scale, size = std::abs(error);
  if (kind == "l1") return size;
  if (kind == "huber") return size < delta ? error * error / 2 : delta * (size - delta / 2);
  return error * error;
}

double loss_of(const Evaluation& answers, std::size_t row, const Manifest& manifest) {
  const auto target = answers.targets[row];
  if (manifest.head.form != AnswerForm::one_class)
    return regression_loss(answers.scores[row] - target, manifest);
  const auto width = static_cast<std::size_t>(answers.width);
  return -std::log(
      std::max(answers.scores[row * width + static_cast<std::size_t>(target)], kLeastProbability));
}

double threshold_of(const Head& head) { return head.is_binary() ? head.thresholds[0] : 0.5; }

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const auto value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

Interval interval_of(std::vector<double> values) {
  if (values.empty()) return {NAN, NAN};
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {  // linear between neighbours, as numpy.percentile
    const double place = share * static_cast<double>(values.size() - 1);
    const auto low = static_cast<std::size_t>(place);
    const auto high = std::min(low + 1, values.size() - 1);
    return values[low] + (place - static_cast<double>(low)) * (values[high] - values[low]);
  };
  return {at(0.025), at(0.975)};
}

}  // namespace

Table read_labelled(const std::filesystem::path& file, const Manifest& manifest,
                    const std::string& missing_target) {
  const auto& preprocessing = manifest.preprocessing;
  if (preprocessing.tokens) throw ConfigError("a language model is not evaluated on columns");
  DataConfig config;
  config.train_file = file.string();
  config.target = preprocessing.target;
  config.missing.target = missing_target;
  const auto kind = manifest.head.form == AnswerForm::one_class ? TargetKind::classes : TargetKind::number;
  auto table = read_table(config, kind, at::kFloat, &preprocessing);
  if (!table.note.empty()) log::info(fmt::format("data {}: {}", config.train_file, table.note));
  if (table.dropped_rows > 0)
    log::info(fmt::format("data {}: {} rows without a target are left out", config.train_file,
                          with_commas(table.dropped_rows)));
  use_labels(table, preprocessing.labels, config.train_file);
  if (preprocessing.refuse_unseen) refuse_unseen(table, preprocessing, config.train_file);
  return table;
}

ModelAnswers answer_table(const Predictor& predictor, const Table& table,
                          const std::vector<std::int64_t>& rows,
                          const std::function<void(std::int64_t)>& progress) {
  const auto& manifest = predictor.manifest();
  const bool classes = manifest.head.form == AnswerForm::one_class;
  const auto targets = targets_of(table, manifest);
  UnseenWords unseen(manifest.preprocessing.categorical);
  ModelAnswers result;
  auto& answers = result.answers;
  answers.width = classes ? manifest.head.width() : 1;
  answers.rows = rows;
  if (rows.empty())
    for (std::int64_t row = 0; row < table.rows(); ++row) answers.rows.push_back(row);
  const auto count = static_cast<std::int64_t>(answers.rows.size());
  for (std::int64_t begin = 0; begin < count; begin += kRowsAtOnce) {
    const auto size = std::min(kRowsAtOnce, count - begin);
    const std::vector<std::int64_t> places(answers.rows.begin() + begin, answers.rows.begin() + begin + size);
    const auto rows_now = rows_of(table, places, manifest.preprocessing);
    unseen.count(rows_now.categorical);
    const auto answered = predictor.predict(rows_now);
    const at::Tensor scores =
        (classes ? answered.probabilities : answered.predictions).to(at::kDouble).contiguous();
    answers.scores.insert(answers.scores.end(), scores.const_data_ptr<double>(),
                          scores.const_data_ptr<double>() + scores.numel());
    if (progress) progress(begin + size);
  }
  for (std::size_t i = 0; i < answers.rows.size(); ++i) {
    answers.targets.push_back(targets[static_cast<std::size_t>(answers.rows[i])]);
    result.losses.push_back(loss_of(answers, i, manifest));
  }
  answers.loss = mean(result.losses);
  result.unseen = unseen.text();
  return result;
}

MetricsReport judge_answers(const ModelAnswers& model, const Manifest& manifest,
                            const std::vector<std::int64_t>& picks) {
  TaskConfig task;
  task.type = manifest.task;
  if (picks.empty()) return judge(model.answers, task, threshold_of(manifest.head));
  Evaluation drawn;
  drawn.width = model.answers.width;
  const auto width = static_cast<std::size_t>(drawn.width);
  double loss = 0;
  for (const auto pick : picks) {
    const auto row = static_cast<std::size_t>(pick);
    drawn.targets.push_back(model.answers.targets[row]);
    loss += model.losses[row];
    for (std::size_t k = 0; k < width; ++k) drawn.scores.push_back(model.answers.scores[row * width + k]);
  }
  drawn.loss = loss / static_cast<double>(picks.size());
  return judge(drawn, task, threshold_of(manifest.head));
}

std::map<std::string, Interval> bootstrap(const Compared& model, const Compared* against,
                                          std::int64_t resamples, std::uint64_t seed,
                                          const std::function<void(std::int64_t)>& progress) {
  const auto count = static_cast<std::int64_t>(model.answers.answers.rows.size());
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<std::int64_t> any_row(0, count - 1);
  std::vector<std::int64_t> picks(static_cast<std::size_t>(count));
  std::map<std::string, std::vector<double>> values;
  for (std::int64_t i = 0; i < resamples; ++i) {
    for (auto& pick : picks) pick = any_row(random);
    const auto report = judge_answers(model.answers, model.manifest, picks);
    const auto other = against ? judge_answers(against->answers, against->manifest, picks) : MetricsReport{};
    for (const auto& [name, value] : report.values) {
      const double drawn = against ? value - other.find(name).value_or(NAN) : value;
      if (std::isfinite(drawn)) values[name].push_back(drawn);
    }
    if (progress) progress(i + 1);
  }
  std::map<std::string, Interval> intervals;
  for (auto& [name, drawn] : values) intervals[name] = interval_of(std::move(drawn));
  return intervals;
}

}  // namespace ringtrain
