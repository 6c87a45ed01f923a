#pragma once

#include <memory>

#include "comm/communicator.h"
#include "comm/threads/thread_group.h"

namespace ringtrain::threads {

/// Ranks are threads of one process, tensors are in its memory. For tests: every collective adds in rank
/// order, and the 16-bit types are added in float and rounded once. Ranks that call different things, or a
/// rank that has gone, give CommError, not a hang.
class ThreadCommunicator : public Communicator {
 public:
  ThreadCommunicator(std::shared_ptr<Group> group, int rank) : group_(std::move(group)), rank_(rank) {}
  int rank() const override { return rank_; }
  int world_size() const override { return group_->world_size(); }
  std::string_view backend() const override { return "threads"; }
  std::optional<at::Device> device() const override { return at::kCPU; }

  void barrier() override;
  std::unique_ptr<Communicator> duplicate() override;
  /// Makes the collectives of all ranks throw CommError; returns, since the process is shared.
  void abort(int exit_code) noexcept override;
  std::shared_ptr<Run> run() const { return group_->shared_run(); }

 private:
  Work do_all_reduce(const at::Tensor& tensor, ReduceOp op) override;
  Work do_broadcast(const at::Tensor& tensor, int root) override;
  Work do_reduce_scatter(const at::Tensor& output, const at::Tensor& input) override;
  Work do_all_gather(const at::Tensor& output, const at::Tensor& input) override;
  Work do_all_to_all(const at::Tensor& output, const at::Tensor& input) override;
  std::unique_ptr<Communicator> do_split(const std::vector<int>& members) override;

  void do_compare(const CollectiveCall& mine) override;

  std::shared_ptr<Group> group_;
  int rank_;
};

}  // namespace ringtrain::threads
