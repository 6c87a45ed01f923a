#include "launch/commands/model_evaluation.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "common/errors.h"
#include "common/text.h"
#include "common/yaml_reader.h"
#include "data/schema/vocabulary.h"
#include "serving/predict/model_outputs.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kRowsAtOnce = 4096;

/// Row by row.
void append(std::vector<double>& to, const at::Tensor& tensor) {
  const at::Tensor numbers = tensor.to(at::kDouble).contiguous();
  to.insert(to.end(), numbers.const_data_ptr<double>(), numbers.const_data_ptr<double>() + numbers.numel());
}

/// Appends a row's `width` numbers.
void append_row(std::vector<double>& to, const std::vector<double>& from, std::size_t row,
                std::int64_t width) {
  const auto begin = from.begin() + static_cast<std::int64_t>(row) * width;
  to.insert(to.end(), begin, begin + width);
}

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

/// A model of a program with kinds of its own is judged by what that program alone knows.
void require_known_task(const Manifest& manifest, const TaskConfig& known) {
  std::vector<std::string> names;
  for (const auto& kind : known.kinds) names.push_back(kind->name());
  if (std::find(names.begin(), names.end(), manifest.task) != names.end()) return;
  throw ConfigError(fmt::format(
      "the model {} was trained for the task {}, which this program does not know (it knows: {}). {}. "
      "predict and serve need no task",
      manifest.name, manifest.task, join(names), whose_kind(manifest)));
}

}  // namespace

TaskConfig task_of(const Manifest& manifest, const Catalogue& catalogue) {
  TaskConfig task(catalogue.tasks);
  require_known_task(manifest, task);
  const auto& from = manifest.provenance;
  const auto named = [&](const char* field) {
    return from.is_object() ? from.value(field, std::string()) : std::string();
  };
  auto text = named("task");
  // Earlier versions told the loss of a regression alone.
  if (text.empty())
    text = fmt::format("type: {}\n{}", manifest.task, named("loss").empty() ? "" : "loss: " + named("loss"));
  config::YamlDocument::from_text(text, "the manifest's task").read([&](config::Visitor& v) {
    task.describe(v);
  });
  return task;
}

std::string whose_kind(const Manifest& manifest) {
  std::string plugins;
  if (manifest.provenance.is_object())
    for (const auto& plugin : manifest.provenance.value("plugins", nlohmann::json::array()))
      plugins += (plugins.empty() ? "" : ":") + plugin.at("file").get<std::string>();
  return plugins.empty()
             ? "The program that trained it does: evaluate with that one"
             : "It may come from a plugin that it was trained with: set RINGTRAIN_PLUGINS=" + plugins;
}

ModelAnswers answer_rows(const Predictor& predictor, const LabelledRows& rows, const Catalogue& catalogue,
                         const std::function<void(std::int64_t)>& progress) {
  const auto& manifest = predictor.manifest();
  const auto at_once = rows_at_once(manifest, kRowsAtOnce);
  UnseenWords unseen(manifest.preprocessing.categorical);
  ModelAnswers result{.task = task_of(manifest, catalogue)};
  auto& answers = result.answers;
  answers.width = manifest.head.width();
  answers.names = manifest.head.names;
  for (std::int64_t done = 0; done < rows.size();) {
    const auto piece = rows.read(done, at_once);
    unseen.count(piece.rows.categorical);
    const auto answered = predictor.predict(piece.rows);
    append(answers.scores, answered.probabilities.defined() ? answered.probabilities : answered.predictions);
    append(answers.targets, piece.targets);
    answers.target_width = piece.targets.size(1);
    answers.rows.insert(answers.rows.end(), piece.places.begin(), piece.places.end());
    done += static_cast<std::int64_t>(piece.places.size());
    if (progress) progress(done);
  }
  result.losses = result.task.kind().losses(answers, manifest.preprocessing.target_scales);
  if (result.losses.size() != answers.rows.size())
    throw ConfigError(
        fmt::format("the task {}: its `losses` gave {} numbers for {} rows; it must give the loss of each "
                    "row (trainer/tasks/task_kind.h)",
                    manifest.task, with_commas(static_cast<std::int64_t>(result.losses.size())),
                    with_commas(static_cast<std::int64_t>(answers.rows.size()))));
  answers.loss = mean(result.losses);
  result.unseen = unseen.text();
  return result;
}

MetricsReport judge_answers(const ModelAnswers& model, const Manifest& manifest,
                            const std::vector<std::int64_t>& picks) {
  const auto& kind = model.task.kind();
  if (picks.empty()) return judge(kind, model.answers, manifest.head.thresholds);
  Evaluation drawn;
  drawn.width = model.answers.width;
  drawn.target_width = model.answers.target_width;
  drawn.names = model.answers.names;
  double loss = 0;
  for (const auto pick : picks) {
    const auto row = static_cast<std::size_t>(pick);
    append_row(drawn.targets, model.answers.targets, row, drawn.target_width);
    append_row(drawn.scores, model.answers.scores, row, drawn.width);
    loss += model.losses[row];
  }
  drawn.loss = loss / static_cast<double>(picks.size());
  return judge(kind, drawn, manifest.head.thresholds);
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
