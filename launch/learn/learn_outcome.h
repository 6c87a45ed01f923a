#pragma once

#include <string>
#include <vector>

#include "launch/learn/candidates.h"
#include "launch/learn/learn_job.h"
#include "launch/learn/prequential.h"
#include "launch/learn/stream_feed.h"

namespace ringtrain {

/// What a job of learning came to.
struct LearnedText {
  const RunConfig& config;
  const LearnJob& job;
  const StreamCounts& counts;
  const Prequential& prequential;
  const Candidates& candidates;
  const std::vector<std::string>& made_live;
  const std::string& stream;
};

/// Prints it: the rows, the metrics, the versions, and what to type next.
void print_learned(const LearnedText& learned);

/// "window loss 0.21, accuracy 0.93".
std::string short_text(const MetricsReport& window, const std::string& metric);
/// "candidate: accuracy 0.91 live, 0.93 learned: made live as version 4".
std::string candidate_text(const CandidateOutcome& outcome, const std::string& metric);
/// "3 by schema, 12 by key".
std::string quarantine_text(const StreamCounts& counts);

}  // namespace ringtrain
