#pragma once

#include <ATen/core/Tensor.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "comm/collective_call.h"

namespace ringtrain::threads {

/// What all groups of one run share: whether the run goes on.
struct Run {
  std::mutex mutex;
  std::condition_variable changed;
  std::string broken;   // why no collective of all ranks can begin any more; empty while all is well
  bool failed = false;  // a rank did not end well

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
  Group(std::shared_ptr<Run> run, int world_size);
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

 private:
  std::shared_ptr<Run> run_;
  std::vector<Call> calls_;
  std::shared_ptr<Group> second_;
  int arrived_ = 0;
  long generation_ = 0;
};

}  // namespace ringtrain::threads
