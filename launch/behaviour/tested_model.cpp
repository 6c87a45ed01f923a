#include "launch/behaviour/tested_model.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/errors.h"
#include "common/text.h"

namespace ringtrain {

const ModelAnswers& TestedModel::answers() {
  if (asked_->answers) return *asked_->answers;
  if (!answers_) answers_ = answer_rows(asked_->predictor, asked_->rows, asked_->catalogue);
  return *answers_;
}

const Predictor::Rows& TestedModel::rows() {
  if (!rows_) {
    std::vector<Predictor::Rows> parts;
    for (std::int64_t done = 0; done < count();) {
      auto piece = asked_->rows.read(done, kTestedAtOnce);
      done += static_cast<std::int64_t>(piece.places.size());
      parts.push_back(std::move(piece.rows));
      places_.insert(places_.end(), piece.places.begin(), piece.places.end());
    }
    rows_ = ModelColumns::joined(parts);
  }
  return *rows_;
}

std::string TestedModel::place(std::int64_t row) const {
  return fmt::format("row {}", places_[static_cast<std::size_t>(row)] + 1);
}

at::Tensor TestedModel::scores(const Predictor::Rows& asked) const {
  std::vector<at::Tensor> parts;
  for (std::int64_t begin = 0; begin < asked.size(); begin += kTestedAtOnce) {
    std::vector<std::int64_t> picks;
    for (std::int64_t row = begin; row < std::min(asked.size(), begin + kTestedAtOnce); ++row)
      picks.push_back(row);
    const auto answered = asked_->predictor.predict(ModelColumns::pick(asked, picks));
    parts.push_back((answered.probabilities.defined() ? answered.probabilities : answered.predictions)
                        .to(at::kDouble)
                        .reshape({static_cast<std::int64_t>(picks.size()), -1}));
  }
  return at::cat(parts);
}

std::int64_t TestedModel::class_index(const std::string& name) const {
  const auto& head = manifest.head;
  const auto& labels = head.form == AnswerForm::values ? head.names : manifest.preprocessing.labels;
  const auto found = std::find(labels.begin(), labels.end(), name);
  if (found != labels.end()) return found - labels.begin();
  throw ConfigError(fmt::format("'{}' is none of the model's {}: {}.{}", name,
                                head.form == AnswerForm::values ? "values" : "classes", join(labels),
                                did_you_mean(name, labels)));
}

void conclude(const BehaviourTest& test, BehaviourResult& result, std::int64_t against,
              const std::string& found) {
  if (result.rows == 0) {
    result.found = "no row is like that";
    return;
  }
  const auto all = static_cast<double>(result.rows);
  result.found = found;
  result.state = static_cast<double>(result.rows - against) >= test.share * all - 1e-9
                     ? BehaviourResult::State::passed
                     : BehaviourResult::State::failed;
  if (test.share < 1) result.asked += fmt::format(" on {:g}% of the rows", 100 * test.share);
  if (result.state == BehaviourResult::State::passed) result.example.clear();
}

}  // namespace ringtrain
