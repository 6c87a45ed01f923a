#include "launch/learn/prequential.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "trainer/tasks/answers.h"
#include "trainer/tasks/task_config.h"

namespace ringtrain {

using nlohmann::ordered_json;

namespace {

/// JSON has null for what is not finite.
double number_of(const ordered_json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

std::vector<double> numbers_of(const ordered_json& json) {
  std::vector<double> numbers;
  for (const auto& number : json) numbers.push_back(number_of(number));
  return numbers;
}

}  // namespace

Prequential::Prequential(const TaskKind& kind, std::vector<double> thresholds, std::int64_t window)
    : kind_(kind), thresholds_(std::move(thresholds)), window_(window) {}

MetricsReport Prequential::judge_some(const Answers& answers) const {
  Evaluation evaluation;
  evaluation.loss = answers.loss;
  evaluation.width = answers.width;
  evaluation.target_width = answers.target_width;
  evaluation.names = answers.names;
  evaluation.scores = answers.scores;
  evaluation.targets = answers.targets;
  evaluation.rows.resize(static_cast<std::size_t>(answers.rows()));
  return judge(kind_, evaluation, thresholds_);
}

void Prequential::add(const Answers& answers) {
  if (answers.rows() == 0) return;
  for (const auto& [name, value] : judge_some(answers).values) {
    auto found = std::find_if(all_.begin(), all_.end(), [&](const auto& one) { return one.first == name; });
    if (found == all_.end()) found = all_.insert(all_.end(), {name, {}});
    if (!std::isfinite(value)) continue;
    found->second.sum += value * static_cast<double>(answers.rows());
    found->second.rows += answers.rows();
  }
  rows_ += answers.rows();
  batches_.push_back(answers);
  held_ += answers.rows();
  while (held_ - batches_.front().rows() >= window_) {
    held_ -= batches_.front().rows();
    batches_.pop_front();
  }
}

MetricsReport Prequential::of_window() const {
  if (batches_.empty()) return {};
  Answers last;
  last.width = batches_.front().width;
  last.target_width = batches_.front().target_width;
  last.names = batches_.front().names;
  // The first rows of the oldest batch may be out of the window.
  auto skipped = static_cast<std::int64_t>(std::max<std::int64_t>(0, held_ - window_));
  double loss = 0;
  for (const auto& batch : batches_) {
    last.scores.insert(last.scores.end(), batch.scores.begin() + skipped * batch.width, batch.scores.end());
    last.targets.insert(last.targets.end(), batch.targets.begin() + skipped * batch.target_width,
                        batch.targets.end());
    loss += batch.loss * static_cast<double>(batch.rows() - skipped);
    skipped = 0;
  }
  last.loss = loss / static_cast<double>(last.rows());
  return judge_some(last);
}

MetricsReport Prequential::of_all() const {
  MetricsReport report;
  for (const auto& [name, mean] : all_)
    report.set(name, mean.rows > 0 ? mean.sum / static_cast<double>(mean.rows)
                                   : std::numeric_limits<double>::quiet_NaN());
  return report;
}

ordered_json Prequential::to_json() const {
  auto batches = ordered_json::array();
  for (const auto& batch : batches_)
    batches.push_back(
        {batch.width, batch.target_width, batch.names, batch.scores, batch.targets, batch.loss});
  auto all = ordered_json::array();
  for (const auto& [name, mean] : all_) all.push_back({name, mean.sum, mean.rows});
  return {{"rows", rows_}, {"batches", std::move(batches)}, {"all", std::move(all)}};
}

void Prequential::restore(const ordered_json& json) {
  rows_ = json.at("rows").get<std::int64_t>();
  batches_.clear();
  held_ = 0;
  for (const auto& batch : json.at("batches")) {
    batches_.push_back({.width = batch.at(0).get<std::int64_t>(),
                        .target_width = batch.at(1).get<std::int64_t>(),
                        .names = batch.at(2).get<std::vector<std::string>>(),
                        .scores = numbers_of(batch.at(3)),
                        .targets = numbers_of(batch.at(4)),
                        .loss = number_of(batch.at(5))});
    held_ += batches_.back().rows();
  }
  all_.clear();
  for (const auto& one : json.at("all"))
    all_.push_back({one.at(0).get<std::string>(), {one.at(1).get<double>(), one.at(2).get<std::int64_t>()}});
}

}  // namespace ringtrain
