#include "launch/drift/error_course.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/text.h"
#include "trainer/metrics/adwin.h"

namespace ringtrain::drift {
namespace {

using nlohmann::ordered_json;

ordered_json number(double value) { return std::isfinite(value) ? ordered_json(value) : ordered_json(); }

/// The middle nine tenths of a target, by its bins; 1 where it is constant.
double spread_of(const Distribution* target) {
  if (!target || target->of_words || target->present == 0) return 1;
  const double middle = target->edges.size() > 1 ? target->edges.back() - target->edges.front() : 0;
  const double all = target->high - target->low;
  return middle > 0 ? middle : all > 0 ? all : 1;
}

double mean_of(const std::vector<double>& values, std::int64_t first, std::int64_t end) {
  if (end <= first) return NAN;
  return std::accumulate(values.begin() + first, values.begin() + end, 0.0) /
         static_cast<double>(end - first);
}

std::vector<ErrorCourse::Change> changes_of(const std::vector<double>& errors,
                                            const std::vector<std::int64_t>& rows) {
  std::vector<ErrorCourse::Change> changes;
  Adwin adwin;
  std::int64_t from = 0;
  for (std::size_t i = 0; i < errors.size(); ++i) {
    if (!adwin.add(errors[i])) continue;
    const auto end = static_cast<std::int64_t>(i) + 1, since = end - adwin.width();
    changes.push_back(
        {rows[i] + 1, rows[static_cast<std::size_t>(since)] + 1, mean_of(errors, from, since), adwin.mean()});
    from = since;
  }
  return changes;
}

}  // namespace

TruthReader::TruthReader(const Manifest& manifest, const Catalogue& catalogue, const Distribution* target)
    : manifest_(manifest),
      reading_(manifest.preprocessing.reading),
      model_{.task = task_of(manifest, catalogue)},
      spread_(spread_of(target)) {
  model_.answers.width = manifest.head.width();
  model_.answers.names = manifest.head.names;
  const auto& labels = manifest.preprocessing.labels;
  for (std::size_t k = 0; k < labels.size(); ++k) classes_[labels[k]] = static_cast<std::int64_t>(k);
}

bool TruthReader::knows(const Manifest& manifest) {
  const auto form = manifest.head.form;
  return manifest.preprocessing.targets.size() == 1 &&
         (form == AnswerForm::one_class || form == AnswerForm::values);
}

/// Wrong or right; or the distance, in the target's spread. Of several values the middle one counts.
double TruthReader::error_of(const std::int64_t* answer, const double* values, double truth) const {
  if (answer) return static_cast<double>(*answer) != truth;
  return std::min(1.0, std::abs(values[model_.answers.width / 2] - truth) / spread_);
}

void TruthReader::add(const ModelRows::Piece& piece, BesideColumn* target) {
  const bool classes = manifest_.head.form == AnswerForm::one_class;
  std::vector<double> truths(piece.truths.size(), NAN);
  for (std::size_t row = 0; row < truths.size(); ++row) {
    const auto& text = piece.truths[row];
    const auto number = classes ? Number{} : reading_.number(text);
    const auto word = classes ? reading_.word(text) : Word{};
    if (reading_.is_missing(text)) continue;  // not known yet
    const auto found = classes_.find(word.text);
    if (classes && found != classes_.end()) truths[row] = static_cast<double>(found->second);
    if (!classes && number.state == ValueState::good) truths[row] = number.value;
    unread_ += std::isnan(truths[row]);
    if (target && classes)
      target->add(word.text, found != classes_.end());
    else if (target)
      target->add(truths[row]);
  }
  if (piece.good.empty()) return;
  const auto scores = piece.answers.to(at::kDouble).reshape({piece.answers.size(0), -1}).contiguous();
  const auto given = piece.classes.defined() ? piece.classes.contiguous() : at::Tensor();
  const auto* const all = given.defined() ? given.const_data_ptr<std::int64_t>() : nullptr;
  auto& answers = model_.answers;
  for (std::size_t i = 0; i < piece.good.size(); ++i) {
    const double truth = truths[static_cast<std::size_t>(piece.good[i])];
    if (std::isnan(truth)) continue;
    const auto* const begin = scores.const_data_ptr<double>() + static_cast<std::int64_t>(i) * answers.width;
    answers.scores.insert(answers.scores.end(), begin, begin + answers.width);
    answers.targets.push_back(truth);
    answers.rows.push_back(piece.first + piece.good[i]);
    errors_.push_back(error_of(all ? all + i : nullptr, begin, truth));
  }
}

ErrorCourse TruthReader::finish(std::int64_t window) {
  ErrorCourse course;
  const auto& answers = model_.answers;
  course.error =
      manifest_.head.form == AnswerForm::one_class
          ? "share of wrong answers"
          : fmt::format("absolute error, of {:.4g} (the middle 90% of the target), 1 at most", spread_);
  course.rows = static_cast<std::int64_t>(answers.rows.size());
  course.unread = unread_;
  if (course.rows == 0) return course;
  model_.losses = model_.task.kind().losses(answers, manifest_.preprocessing.target_scales);
  if (window == 0) window = std::max<std::int64_t>(100, course.rows / 10);
  for (const auto& metric : model_.task.kind().metrics()) course.metrics.push_back(metric.name);
  for (std::int64_t begin = 0; begin < course.rows;) {
    auto end = begin + window;
    if (course.rows - end < (window + 1) / 2) end = course.rows;
    std::vector<std::int64_t> picks(static_cast<std::size_t>(end - begin));
    std::iota(picks.begin(), picks.end(), begin);
    course.windows.push_back({answers.rows[static_cast<std::size_t>(begin)] + 1,
                              answers.rows[static_cast<std::size_t>(end) - 1] + 1,
                              judge_answers(model_, manifest_, picks)});
    begin = end;
  }
  course.changes = changes_of(errors_, answers.rows);
  return course;
}

Finding ErrorCourse::finding() const {
  if (rows == 0) return skipped("error", "no row has a truth that the model can be held against");
  const auto note =
      unread > 0 ? fmt::format("; {} rows have a truth that is none of the model's", with_commas(unread))
                 : std::string();
  if (changes.empty())
    return good("error",
                fmt::format("ADWIN finds no change of the {} in {} rows{}", error, with_commas(rows), note));
  std::vector<std::string> texts;
  bool worse = false;
  for (const auto& change : changes) {
    worse = worse || change.after > change.before;
    texts.push_back(fmt::format("found at row {}, since about row {}: {:.4f} before, {:.4f} after",
                                with_commas(change.found), with_commas(change.since), change.before,
                                change.after));
  }
  constexpr std::size_t kMost = 5;
  const auto more = texts.size() > kMost ? fmt::format("; {} more", texts.size() - kMost) : "";
  if (texts.size() > kMost) texts.resize(kMost);
  const auto value = fmt::format("ADWIN on the {}: {}{}{}", error, join(texts, "; "), more, note);
  if (!worse) return good("error", value);
  return bad("error", value, "the model has become worse: train anew with rows from there on");
}

ordered_json ErrorCourse::to_json() const {
  ordered_json json{{"error", error}, {"rows", rows}, {"unread", unread}};
  json["windows"] = json["changes"] = ordered_json::array();
  for (const auto& window : windows) {
    ordered_json one{{"first", window.first}, {"last", window.last}};
    for (const auto& [name, value] : window.report.values) one["metrics"][name] = number(value);
    json["windows"].push_back(std::move(one));
  }
  for (const auto& change : changes)
    json["changes"].push_back({{"found", change.found},
                               {"since", change.since},
                               {"before", number(change.before)},
                               {"after", number(change.after)}});
  return json;
}

}  // namespace ringtrain::drift
