#pragma once

#include <optional>
#include <string>
#include <vector>

#include "launch/behaviour/behaviour_run.h"
#include "launch/behaviour/model_columns.h"
#include "launch/commands/model_evaluation.h"

namespace ringtrain {

/// The model and the rows of the tests that are run together: read and asked once, when the first of them
/// needs it.
class TestedModel {
 public:
  struct Asked {
    const Predictor& predictor;
    const LabelledRows& rows;
    const Catalogue& catalogue;
    const ModelAnswers* answers;  ///< to the rows; null: they are asked for when a test needs them
  };
  /// `asked`: null where tests are only looked at: then there are no rows.
  TestedModel(const Manifest& manifest, const TaskKind& task, const Asked* asked)
      : columns(manifest.preprocessing), manifest(manifest), task(task), asked_(asked) {}

  const ModelColumns columns;
  const Manifest& manifest;
  const TaskKind& task;

  bool is_asked() const { return asked_ != nullptr; }
  const Predictor& predictor() const { return asked_->predictor; }
  /// Of the labelled rows.
  std::int64_t count() const { return asked_ ? asked_->rows.size() : 0; }
  const Predictor::Rows& rows();
  const ModelAnswers& answers();
  /// "row 3", as the data have it.
  std::string place(std::int64_t row) const;
  /// Of any rows, [n, width]: probabilities or values, float64.
  at::Tensor scores(const Predictor::Rows& asked) const;
  /// The number of a class, a label, or a named value. Throws ConfigError.
  std::int64_t class_index(const std::string& name) const;

 private:
  const Asked* asked_;
  std::optional<ModelAnswers> answers_;
  std::optional<Predictor::Rows> rows_;
  std::vector<std::int64_t> places_;
};
inline constexpr std::int64_t kTestedAtOnce = 4096;

/// By how many of `result.rows` do not do as they should.
void conclude(const BehaviourTest& test, BehaviourResult& result, std::int64_t against,
              const std::string& found);

// The kinds of tests; each throws ConfigError for one that does not fit the model.
void run_slice_test(TestedModel& model, const BehaviourTest& test, BehaviourResult& result);
void run_rows_test(TestedModel& model, const BehaviourTest& test, BehaviourResult& result);
void run_invariant_test(TestedModel& model, const BehaviourTest& test, BehaviourResult& result);
void run_direction_test(TestedModel& model, const BehaviourTest& test, BehaviourResult& result);

}  // namespace ringtrain
