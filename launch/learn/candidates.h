#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "launch/commands/model_evaluation.h"
#include "launch/commands/model_export.h"
#include "launch/learn/learn_job.h"
#include "launch/learn/online_model.h"
#include "launch/learn/promotion_guard.h"
#include "launch/learn/stream_journal.h"

namespace ringtrain {

/// What came of a candidate.
struct CandidateOutcome {
  bool promoted = false;
  std::int64_t version = 0;  ///< that was exported; 0: none. One that fails a test is not promoted
  double before = 0, after = 0;
  std::string why{};
};

/// Measures what has been learned against the live version on rows that neither was trained on, and makes it
/// the live version where it is better by the gate's rule (launch/gate.h) and no guard stands against it.
/// Rank 0's. Each step of it is in the journal first, so that a process that goes on after a kill decides the
/// same, exports nothing twice, and makes nothing live that was refused.
class Candidates {
 public:
  /// What is given outlives it.
  Candidates(const RunConfig& config, const LearnJob& job, const Catalogue& catalogue, OnlineModel& model,
             PreparedData& data, StreamJournal& journal, int ranks);

  /// The model's checkpoint of this step is in the job's store. `held_out`: the rows to measure on; `read`:
  /// rows of the stream so far; `day`: theirs; `learned`: which rows the model has learned from.
  CandidateOutcome consider(const std::deque<StreamRow>& held_out, std::int64_t read, std::int64_t day,
                            const nlohmann::ordered_json& learned);
  std::int64_t live() const;
  std::int64_t promoted() const { return promoted_; }
  std::int64_t measured() const { return measured_; }

  nlohmann::ordered_json to_json() const;
  void restore(const nlohmann::ordered_json& json);

 private:
  StreamJournal::Entry announce(std::int64_t rows, std::int64_t read, std::int64_t day);
  CandidateOutcome decide(const std::vector<StreamRow>& rows, const StreamJournal::Entry& candidate,
                          const nlohmann::ordered_json& learned);
  ModelAnswers answers_of_model(const RowSamples& samples) const;
  std::int64_t publish(const std::vector<StreamRow>& rows, const MetricsReport& metrics,
                       const nlohmann::ordered_json& learned, const CandidateOutcome& outcome);
  std::string failed_tests_of(std::int64_t version) const;
  std::optional<std::int64_t> published() const;
  TrainedModel trained() const;

  RunConfig config_;  // versions are exported beside the one that learning began with
  const LearnJob& job_;
  const Catalogue& catalogue_;
  OnlineModel& model_;
  PreparedData& data_;
  StreamJournal& journal_;
  int ranks_;
  std::vector<std::string> formats_;
  PromotionGuard guard_;
  bool told_frozen_ = false;
  std::int64_t promoted_ = 0, measured_ = 0;
};

}  // namespace ringtrain
