#pragma once

#include <ATen/core/Tensor.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "comm/collective_call.h"

namespace ringtrain::threads {

/// What all groups of one run share: whether the run goes on.
struct Run {
  std::mutex mutex;
  std::condition_variable changed;
  std::string broken;   // why no collective can begin any more; empty while no rank has failed
  bool failed = false;  // a rank did not end well
  std::set<int> ended;  // ranks that ended well: nothing that they are part of can begin

  void break_off(const std::string& why);
  /// The rank ended well: what needs it no more may go on.
  void end_of(int rank);
  void throw_if_failed();
};

/// What a rank brings to a collective.
struct Call {
  CollectiveCall what;  ///< equal on every rank
  void* data = nullptr;
  const void* input = nullptr;
};

/// The meeting place of the ranks of one communicator.
class Group {
 public:
  /// `members`: its ranks, by their numbers in the run.
  Group(std::shared_ptr<Run> run, std::vector<int> members);
  int world_size() const { return static_cast<int>(calls_.size()); }
  Run& run() { return *run_; }
  const std::shared_ptr<Run>& shared_run() const { return run_; }

  /// Shows `call` to the others and waits for theirs. Throws CommError when ranks called different things, or
  /// the run broke.
  void meet(int rank, Call call);
  const Call& call_of(int rank) const { return calls_[static_cast<std::size_t>(rank)]; }

  /// Waits for all ranks: nobody reads a call any more.
  void wait();

  /// A second group of the same run: made by rank 0, handed to all. Collective.
  std::shared_ptr<Group> second(int rank);

  /// The group of `members` (ranks of this one): made by the first of them, handed to the others. Null where
  /// there are none. Collective over this group.
  std::shared_ptr<Group> part(int rank, const std::vector<int>& members);

 private:
  std::string why_broken() const;  // with the run's mutex held
  std::shared_ptr<Run> run_;
  std::vector<int> members_;
  std::vector<Call> calls_;
  std::shared_ptr<Group> second_;
  std::vector<std::shared_ptr<Group>> parts_;  // by the rank that made it
  int arrived_ = 0;
  long generation_ = 0;
};

}  // namespace ringtrain::threads
