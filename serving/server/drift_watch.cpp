#include "serving/server/drift_watch.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/errors.h"
#include "common/log.h"
#include "serving/predict/score_columns.h"
#include "serving/repository/schema_section.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kParts = 4;

/// Null where the profile has no such column.
const Distribution* find_column(const std::vector<Distribution>& columns, const std::string& name,
                                bool words) {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const Distribution& one) {
    return one.name == name && one.of_words == words;
  });
  return found == columns.end() ? nullptr : &*found;
}

template <class T>
void add_numbers(const at::Tensor& numeric, std::int64_t step, std::vector<BesideColumn>& columns) {
  const auto all = numeric.contiguous();
  const auto width = all.size(1);
  for (std::int64_t row = 0; row < all.size(0); row += step) {
    const T* const values = all.const_data_ptr<T>() + row * width;
    for (std::int64_t c = 0; c < width; ++c)
      columns[static_cast<std::size_t>(c)].add(static_cast<double>(values[c]));
  }
}

}  // namespace

std::shared_ptr<DriftWatch> DriftWatch::of(std::shared_ptr<const Predictor> model, std::int64_t window) {
  if (window == 0) return nullptr;
  const auto& manifest = model->manifest();
  try {
    const auto section = schema_section(model->folder(), kProfileSection);
    if (section.is_null()) return nullptr;
    auto profile = DataProfile::from_json(section);
    const auto& schema = manifest.preprocessing;
    for (const auto& column : schema.numeric)
      if (!find_column(profile.columns, column.name, false))
        throw DataError(fmt::format("it lacks the column '{}'", column.name));
    for (const auto& column : schema.categorical)
      if (!find_column(profile.columns, column.name, true))
        throw DataError(fmt::format("it lacks the column '{}'", column.name));
    return std::make_shared<DriftWatch>(std::move(model), std::move(profile), window);
  } catch (const Error& error) {
    log::warn(fmt::format("model {} version {}: drift is not looked for, its profile cannot be read: {}",
                          manifest.name, manifest.version, error.what()));
    return nullptr;
  }
}

DriftWatch::DriftWatch(std::shared_ptr<const Predictor> model, DataProfile profile, std::int64_t window)
    : model_(std::move(model)), profile_(std::move(profile)), window_(window) {
  const auto& manifest = model_->manifest();
  const auto& schema = manifest.preprocessing;
  for (const auto& column : schema.numeric)
    then_.push_back(find_column(profile_.columns, column.name, false));
  for (const auto& column : schema.categorical)
    then_.push_back(find_column(profile_.columns, column.name, true));
  inputs_ = then_.size();
  if (profile_.scores.size() == score_names(manifest).size())
    for (const auto& score : profile_.scores) then_.push_back(&score);
  parts_.push_back(new_part());
}

DriftWatch::Part DriftWatch::new_part() const {
  Part part;
  part.columns.reserve(then_.size());
  for (const auto* column : then_) part.columns.emplace_back(*column);
  return part;
}

/// How many of so many rows are looked at now.
std::int64_t DriftWatch::allowed(std::int64_t rows) {
  const auto now = Clock::now();
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    of_second_ = 0;
  }
  return std::min(rows, window_ - of_second_);
}

void DriftWatch::add_inputs(const Predictor::Rows& rows, std::int64_t step, Part& part) const {
  if (rows.numeric.scalar_type() == at::kDouble)
    add_numbers<double>(rows.numeric, step, part.columns);
  else
    add_numbers<float>(rows.numeric, step, part.columns);
  const auto& schema = model_->manifest().preprocessing;
  for (std::size_t c = 0; c < schema.categorical.size(); ++c) {
    auto& column = part.columns[schema.numeric.size() + c];
    const auto& words = rows.categorical[c];
    for (std::size_t row = 0; row < words.size(); row += static_cast<std::size_t>(step))
      column.add(words[row], words[row].empty() || schema.categorical[c].knows(words[row]));
  }
}

void DriftWatch::add_scores(const Predictor::Answers& answers, std::int64_t step, Part& part) const {
  if (then_.size() == inputs_) return;
  const auto scores = score_columns(
      model_->manifest(), answers.probabilities.defined() ? answers.probabilities : answers.predictions);
  for (std::size_t k = 0; k < scores.size(); ++k)
    for (std::size_t row = 0; row < scores[k].size(); row += static_cast<std::size_t>(step))
      part.columns[inputs_ + k].add(scores[k][row]);
}

void DriftWatch::add(const Predictor::Rows& rows, const Predictor::Answers& answers) {
  const auto count = rows.size();
  const std::lock_guard lock(mutex_);
  const auto most = allowed(count);
  if (most <= 0) return;
  const auto step = (count + most - 1) / most;
  auto& part = parts_.back();
  add_inputs(rows, step, part);
  add_scores(answers, step, part);
  const auto looked_at = (count + step - 1) / step;
  part.rows += looked_at;
  of_second_ += looked_at;
  if (part.rows * kParts < window_) return;
  parts_.push_back(new_part());
  if (parts_.size() > kParts + 1) parts_.pop_front();
}

DriftWatch::Seen DriftWatch::seen() const {
  Seen seen;
  seen.trained_rows = profile_.rows;
  for (const auto* column : then_) seen.beside.push_back(std::make_unique<BesideColumn>(*column));
  {
    const std::lock_guard lock(mutex_);
    for (const auto& part : parts_) {
      seen.rows += part.rows;
      for (std::size_t c = 0; c < then_.size(); ++c) seen.beside[c]->join(part.columns[c]);
    }
  }
  for (std::size_t c = 0; c < then_.size(); ++c)
    seen.columns.push_back(drift::drift_of(*seen.beside[c],
                                           c >= inputs_         ? "score"
                                           : then_[c]->of_words ? "word"
                                                                : "number",
                                           {}, then_.size()));
  return seen;
}

nlohmann::ordered_json DriftWatch::Seen::to_json() const {
  nlohmann::ordered_json json{{"rows", rows}, {"trained_rows", trained_rows}};
  json["columns"] = nlohmann::ordered_json::array();
  for (const auto& column : columns) json["columns"].push_back(column.to_json(false));
  return json;
}

}  // namespace ringtrain
