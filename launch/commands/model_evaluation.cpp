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
#include "common/yaml_reader.h"
#include "data/schema/classes.h"
#include "data/schema/excerpt.h"
#include "data/schema/vocabulary.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kRowsAtOnce = 4096;

/// Row by row.
std::vector<double> numbers_of(const at::Tensor& tensor) {
  const at::Tensor numbers = tensor.to(at::kDouble).contiguous();
  return {numbers.const_data_ptr<double>(), numbers.const_data_ptr<double>() + numbers.numel()};
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
      if (!word.empty() && !schema.categorical[c].knows(word))
        throw DataError(
            fmt::format("{}: row {}, column '{}': training did not see {} there (data.unseen: error)", file,
                        with_commas(table.file_row(row) + 1), schema.categorical[c].name, excerpt(word)));
    }
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
  std::string plugins;
  if (manifest.provenance.is_object())
    for (const auto& plugin : manifest.provenance.value("plugins", nlohmann::json::array()))
      plugins += (plugins.empty() ? "" : ":") + plugin.at("file").get<std::string>();
  throw ConfigError(fmt::format(
      "the model {} was trained for the task {}, which this program does not know (it knows: {}). {}. "
      "predict and serve need no task",
      manifest.name, manifest.task, join(names),
      plugins.empty()
          ? "The program that trained it does: evaluate with that one"
          : "It may come from a plugin that it was trained with: set RINGTRAIN_PLUGINS=" + plugins));
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

Table read_labelled(const std::filesystem::path& file, const Manifest& manifest, const Catalogue& catalogue,
                    const std::string& missing_target) {
  const auto& preprocessing = manifest.preprocessing;
  if (preprocessing.tokens) throw ConfigError("a language model is not evaluated on columns");
  if (preprocessing.signature)
    throw ConfigError(fmt::format(
        "{}: the model reads named tensors, not columns: a table cannot be given to it. Its metrics on the "
        "test part stand in its manifest (`ringtrain models --json`)",
        file.string()));
  TableConfig config;
  config.train_file = file.string();
  config.targets = preprocessing.targets;
  config.missing.target = missing_target;
  auto table = read_table(config, task_of(manifest, catalogue).kind().target(), at::kFloat, &preprocessing);
  if (!table.note.empty()) log::info(fmt::format("data {}: {}", config.train_file, table.note));
  if (table.dropped_rows > 0)
    log::info(fmt::format("data {}: {} rows without a target are left out", config.train_file,
                          with_commas(table.dropped_rows)));
  use_labels(table, preprocessing.labels, config.train_file);
  if (preprocessing.refuse_unseen) refuse_unseen(table, preprocessing, config.train_file);
  return table;
}

ModelAnswers answer_table(const Predictor& predictor, const Table& table, const Catalogue& catalogue,
                          const std::vector<std::int64_t>& rows,
                          const std::function<void(std::int64_t)>& progress) {
  const auto& manifest = predictor.manifest();
  const auto targets = numbers_of(table.target);
  UnseenWords unseen(manifest.preprocessing.categorical);
  ModelAnswers result{.task = task_of(manifest, catalogue)};
  auto& answers = result.answers;
  answers.width = manifest.head.width();
  answers.target_width = table.target.dim() > 1 ? table.target.size(1) : 1;
  answers.names = manifest.head.names;
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
    const auto scores =
        numbers_of(answered.probabilities.defined() ? answered.probabilities : answered.predictions);
    answers.scores.insert(answers.scores.end(), scores.begin(), scores.end());
    if (progress) progress(begin + size);
  }
  for (const auto row : answers.rows)
    append_row(answers.targets, targets, static_cast<std::size_t>(row), answers.target_width);
  result.losses = result.task.kind().losses(answers, manifest.preprocessing.target_scales);
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
