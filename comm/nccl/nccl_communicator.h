#pragma once

#include <c10/cuda/CUDAStream.h>
#include <nccl.h>

#include <memory>

#include "comm/communicator.h"

namespace ringtrain::nccl {

/// Ranks are processes with a GPU each, tensors are on that GPU. A collective is put on a stream of its own
/// (high priority), after what the current stream holds, and the host goes on at once; Work::wait puts the
/// current stream behind it.
class NcclCommunicator : public Communicator {
 public:
  /// Collective over `control`, which it owns. Throws CommError when NCCL cannot connect the ranks in time.
  NcclCommunicator(std::unique_ptr<Communicator> control, c10::Device device);
  /// Gives up what is under way: NCCL's orderly end is collective. In a child process, which cannot use its
  /// parent's GPU, does nothing.
  ~NcclCommunicator() override;
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  int rank() const override { return control_->rank(); }
  int world_size() const override { return control_->world_size(); }
  std::string_view backend() const override { return "nccl"; }
  std::optional<at::Device> device() const override { return device_; }
  bool works_in_background() const override { return true; }

  /// Waits on the host, for the GPU's collectives too. A collective that compares (Compare::always) waits on
  /// the host for all ranks to call it, too, and cannot be recorded in a graph.
  void barrier() override;
  std::unique_ptr<Communicator> duplicate() override;
  void abort(int exit_code) noexcept override;

 private:
  Work do_all_reduce(const at::Tensor& tensor, ReduceOp op) override;
  Work do_broadcast(const at::Tensor& tensor, int root) override;
  Work do_reduce_scatter(const at::Tensor& output, const at::Tensor& input) override;
  Work do_all_gather(const at::Tensor& output, const at::Tensor& input) override;
  Work do_all_to_all(const at::Tensor& output, const at::Tensor& input) override;
  std::unique_ptr<Communicator> do_split(const std::vector<int>& members) override;

  void do_compare(const CollectiveCall& mine) override { compare_of(*control_, mine); }
  void require_open() const override { require_open_of(*control_); }

  template <class Launch>
  Work launch(const char* call, const Launch& body);
  void give_up() noexcept;

  std::unique_ptr<Communicator> control_;
  c10::Device device_;
  c10::cuda::CUDAStream stream_;
  ncclComm_t communicator_ = nullptr;
};

}  // namespace ringtrain::nccl
