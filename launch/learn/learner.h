#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "comm/world.h"
#include "common/progress.h"
#include "launch/learn/candidates.h"
#include "launch/learn/learn_job.h"
#include "launch/learn/learned_rows.h"
#include "launch/learn/online_model.h"
#include "launch/learn/prequential.h"
#include "launch/learn/reservoir.h"
#include "launch/learn/stream_feed.h"
#include "launch/learn/stream_journal.h"
#include "trainer/telemetry/run_log.h"

namespace ringtrain {

/// Learning from a stream, guarded, by all ranks of a world: each batch of rows is answered, then learned
/// from; every so many rows what was learned is measured against the live version. Rank 0 reads the stream
/// and owns all state but the replica's; a restart goes on from the newest checkpoint and does the same
/// again, to the bit.
class Learner {
 public:
  /// Collective. Throws on all ranks.
  Learner(World& world, const LearnOptions& options, const RunConfig& config, const Catalogue& catalogue,
          const StopSignal& signal, const std::function<void(const std::string& device)>& device_chosen);
  ~Learner();

  /// To the end of the stream, or to a signal; returns the exit code. Collective.
  int run();

 private:
  /// What rank 0 has found, and tells the others.
  enum class Told : std::int64_t { batch, nothing_yet, end, stop };
  struct Batch {
    Told told = Told::nothing_yet;
    std::vector<StreamRow> fresh, earlier;  // rank 0's
    std::int64_t fresh_rows = 0, earlier_rows = 0;
  };
  /// What only rank 0 has.
  struct Chief {
    std::unique_ptr<LearnJob> job;
    std::unique_ptr<StreamJournal> journal;
    std::unique_ptr<StreamFeed> feed;
    std::unique_ptr<Reservoir> reservoir;
    std::unique_ptr<Prequential> prequential;
    std::unique_ptr<Candidates> candidates;
    std::unique_ptr<RunLog> log;
    std::unique_ptr<Progress> progress;
    LearnedRows learned;
    std::int64_t measured_at = 0;   // rows read
    std::int64_t read_at_step = 0;  // at the end of the last step: what waits is not among them
    std::int64_t written_step = -1;
    double loss = 0, learning_rate = 0;
    std::vector<std::string> made_live;
  };

  void open_job();
  void open_stream_of_job();
  Batch next_batch();
  Batch read_batch();
  std::optional<std::int64_t> read_before() const;
  void learn_from(Batch& batch);
  void note(const Batch& batch, const Prequential::Answers& answers, const LearnedStep& done);
  void write_metrics();
  void show_progress();
  bool candidate_is_due(bool at_end) const;
  void measure_if_due(bool at_end);
  void consider_candidate();
  void save();
  void finish(bool stopped);

  World& world_;
  LearnOptions options_;
  RunConfig config_;
  const Catalogue& catalogue_;
  const StopSignal& signal_;
  PreparedData data_;
  std::unique_ptr<OnlineModel> model_;
  std::optional<Chief> chief_;
  std::int64_t saved_step_ = -1;
};

}  // namespace ringtrain
