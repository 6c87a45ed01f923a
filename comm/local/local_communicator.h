#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "comm/communicator.h"

namespace ringtrain {

/// One rank: reductions leave the tensor as it is, the others copy. Takes tensors of any device.
class LocalCommunicator : public Communicator {
 public:
  /// `closed`: of the world that it belongs to (World::closed); null: of none.
  explicit LocalCommunicator(std::shared_ptr<const std::atomic<bool>> closed = nullptr)
      : closed_(std::move(closed)) {}
  int rank() const override { return 0; }
  int world_size() const override { return 1; }
  std::string_view backend() const override { return "local"; }
  std::optional<at::Device> device() const override { return std::nullopt; }

  void barrier() override { require_usable("barrier"); }
  std::unique_ptr<Communicator> duplicate() override;
  [[noreturn]] void abort(int exit_code) noexcept override;

 private:
  Work do_all_reduce(const at::Tensor& tensor, ReduceOp op) override;
  Work do_broadcast(const at::Tensor& tensor, int root) override;
  Work do_reduce_scatter(const at::Tensor& output, const at::Tensor& input) override;
  Work do_all_gather(const at::Tensor& output, const at::Tensor& input) override;
  Work do_all_to_all(const at::Tensor& output, const at::Tensor& input) override;
  std::unique_ptr<Communicator> do_split(const std::vector<int>& members) override;
  void do_compare(const CollectiveCall&) override {}
  void require_open() const override;

  std::shared_ptr<const std::atomic<bool>> closed_;
};

}  // namespace ringtrain
