#pragma once

#include <cstdint>

#include "comm/communicator.h"
#include "comm/mpi/session.h"

namespace ringtrain::mpi {

/// Ranks are processes, tensors are in host memory; each collective has ended when it returns. Large tensors
/// go in pieces that stay in the cache: on one host several times faster than one call, and never above the
/// int that MPI counts with.
class MpiCommunicator : public Communicator {
 public:
  explicit MpiCommunicator(Handle handle);
  int rank() const override { return rank_; }
  int world_size() const override { return world_size_; }
  std::string_view backend() const override { return "mpi"; }
  std::optional<at::Device> device() const override { return at::kCPU; }

  void barrier() override;
  std::unique_ptr<Communicator> duplicate() override;
  [[noreturn]] void abort(int exit_code) noexcept override;
  const Handle& handle() const { return handle_; }

 private:
  void do_compare(const CollectiveCall& mine) override;
  void require_open() const override { handle_.get(); }
  Work do_all_reduce(const at::Tensor& tensor, ReduceOp op) override;
  Work do_broadcast(const at::Tensor& tensor, int root) override;
  Work do_reduce_scatter(const at::Tensor& output, const at::Tensor& input) override;
  Work do_all_gather(const at::Tensor& output, const at::Tensor& input) override;
  Work do_all_to_all(const at::Tensor& output, const at::Tensor& input) override;
  std::unique_ptr<Communicator> do_split(const std::vector<int>& members) override;

  Handle handle_;
  int rank_ = 0, world_size_ = 1;
};

}  // namespace ringtrain::mpi
