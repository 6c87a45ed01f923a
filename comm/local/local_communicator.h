#pragma once

#include "comm/communicator.h"

namespace ringtrain {

/// One rank: reductions leave the tensor as it is, the others copy. Takes tensors of any device.
class LocalCommunicator : public Communicator {
 public:
  int rank() const override { return 0; }
  int world_size() const override { return 1; }
  std::string_view backend() const override { return "local"; }
  std::optional<at::Device> device() const override { return std::nullopt; }

  void barrier() override {}
  std::unique_ptr<Communicator> duplicate() override;
  [[noreturn]] void abort(int exit_code) noexcept override;

 private:
  Work do_all_reduce(const at::Tensor& tensor, ReduceOp op) override;
  Work do_broadcast(const at::Tensor& tensor, int root) override;
  Work do_reduce_scatter(const at::Tensor& output, const at::Tensor& input) override;
  Work do_all_gather(const at::Tensor& output, const at::Tensor& input) override;
  std::unique_ptr<Communicator> do_split(const std::vector<int>& members) override;
};

}  // namespace ringtrain
