#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/finding.h"
#include "data/profile/data_profile.h"
#include "data/profile/drift_measures.h"
#include "data/schema/reading.h"
#include "launch/commands/model_evaluation.h"
#include "launch/drift/model_rows.h"

namespace ringtrain::drift {

/// How well a model answered, window by window, and where its error changed.
struct ErrorCourse {
  struct Window {
    std::int64_t first = 0, last = 0;  ///< rows of the data, from 1
    MetricsReport report;
  };
  struct Change {
    std::int64_t found = 0, since = 0;  ///< the row at which it was seen, and about that from which it is so
    double before = 0, after = 0;       ///< means of the error
  };
  std::string error;                 ///< what the error of a row is
  std::int64_t rows = 0;             ///< with truth
  std::int64_t unread = 0;           ///< rows whose truth is no number, or no class of the model
  std::vector<std::string> metrics;  ///< the names that every window has
  std::vector<Window> windows;
  std::vector<Change> changes;  ///< ADWIN (trainer/metrics/adwin.h)

  Finding finding() const;
  nlohmann::ordered_json to_json() const;
};

/// Takes the truths of rows in their order.
class TruthReader {
 public:
  /// What it is given outlives it. Throws ConfigError for a task that the catalogue does not have.
  TruthReader(const Manifest& manifest, const Catalogue& catalogue, const Distribution* target);

  /// Whether the truth of such a model can be held against its answers: one target, of a class or a number.
  static bool knows(const Manifest& manifest);

  /// `target`, where it is not null, counts the truths.
  void add(const ModelRows::Piece& piece, BesideColumn* target);
  /// `window`: rows of each; 0: a tenth of all, 100 at least. A rest below half of that is in the last one.
  ErrorCourse finish(std::int64_t window);

 private:
  double error_of(const std::int64_t* answer, const double* values, double truth) const;

  const Manifest& manifest_;
  Reading reading_;
  ModelAnswers model_;
  double spread_ = 1;  ///< of the target in training
  std::unordered_map<std::string, std::int64_t> classes_;
  std::vector<double> errors_;
  std::int64_t unread_ = 0;
};

}  // namespace ringtrain::drift
