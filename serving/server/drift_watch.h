#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/profile/column_drift.h"
#include "data/profile/data_profile.h"
#include "serving/predict/predictor.h"

namespace ringtrain {

class ServedModels;

/// Holds the last rows that a version answered against those that it learned from: its columns, and its
/// scores. For several threads.
///
/// It looks at the last `window` to 1.25 `window` rows, and at `window` rows a second at most, evenly spread
/// over those of a run, so that a server that is asked for many is not slower.
class DriftWatch {
 public:
  /// Of the profile in the version's schema.json; null where it has none, which the columns of the model fit,
  /// or `window` is 0. A profile that cannot be read is logged: the version is served all the same.
  static std::shared_ptr<DriftWatch> of(std::shared_ptr<const Predictor> model, std::int64_t window);

  DriftWatch(std::shared_ptr<const Predictor> model, DataProfile profile, std::int64_t window);
  DriftWatch(const DriftWatch&) = delete;
  DriftWatch& operator=(const DriftWatch&) = delete;

  void add(const Predictor::Rows& rows, const Predictor::Answers& answers);

  struct Seen {
    std::int64_t rows = 0, trained_rows = 0;
    std::vector<std::unique_ptr<BesideColumn>> beside;
    std::vector<drift::ColumnDrift> columns;  ///< the model's inputs, then its scores
    nlohmann::ordered_json to_json() const;
  };
  Seen seen() const;

 private:
  struct Part {
    std::int64_t rows = 0;
    std::vector<BesideColumn> columns;  ///< of `then_`
  };
  using Clock = std::chrono::steady_clock;
  std::int64_t allowed(std::int64_t rows);
  void add_inputs(const Predictor::Rows& rows, std::int64_t step, Part& part) const;
  void add_scores(const Predictor::Answers& answers, std::int64_t step, Part& part) const;
  Part new_part() const;

  const std::shared_ptr<const Predictor> model_;
  const DataProfile profile_;
  const std::int64_t window_;
  std::vector<const Distribution*> then_;  ///< of the inputs in the model's order, then of the scores
  std::size_t inputs_ = 0;
  mutable std::mutex mutex_;
  std::deque<Part> parts_;  ///< the last one is filled
  Clock::time_point second_ = Clock::now();
  std::int64_t of_second_ = 0;
};

/// For /metrics: the measures of each version that is served, and what is more than chance gives.
std::string drift_metrics_of(const ServedModels& models);
/// {"NAME": {"VERSION": {"rows", "trained_rows", "columns": [...]}}} of those that have a profile.
nlohmann::ordered_json drift_of_models(const ServedModels& models);

}  // namespace ringtrain
