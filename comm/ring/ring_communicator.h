#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "comm/communicator.h"
#include "comm/ring/pipeline.h"

namespace ringtrain::ring {

/// All-reduces by shared memory inside a host and rings between hosts (docs/comm.md); the other collectives
/// are those of `base`. `all_reduce` returns at once where the tensor can be reached by the neighbours
/// (small, or made by `allocate`); others go through such memory piece by piece.
class RingCommunicator : public Communicator {
 public:
  struct Parts {
    std::unique_ptr<Communicator> base;
    std::unique_ptr<Neighbours> neighbours;
    std::unique_ptr<Link> link;  ///< null: one host, or no place in a ring
    Seat seat;                   ///< of the two above
    bool thread = false;
  };
  /// Makes the parts of a second communicator over the same ranks. Collective.
  using Factory = std::function<Parts()>;
  /// Makes of a group of `base` the communicator of that group's ranks. Collective over them.
  using Regroup = std::function<std::unique_ptr<Communicator>(std::unique_ptr<Communicator> group)>;
  RingCommunicator(const Factory& factory, const Regroup& regroup);
  ~RingCommunicator() override;
  RingCommunicator(const RingCommunicator&) = delete;
  RingCommunicator& operator=(const RingCommunicator&) = delete;

  int rank() const override { return parts_.base->rank(); }
  int world_size() const override { return parts_.base->world_size(); }
  std::string_view backend() const override { return parts_.base->backend(); }
  std::optional<at::Device> device() const override { return parts_.base->device(); }

  void barrier() override;
  std::unique_ptr<Communicator> duplicate() override;
  void abort(int exit_code) noexcept override { parts_.base->abort(exit_code); }
  bool works_in_background() const override { return parts_.thread; }
  void progress() noexcept override { pipeline_->progress(); }
  at::Tensor allocate(std::int64_t numel, const at::TensorOptions& options) override;

 private:
  Work do_all_reduce(const at::Tensor& tensor, ReduceOp op) override;
  Work do_broadcast(const at::Tensor& tensor, int root) override {
    return broadcast_of(*parts_.base, tensor, root);
  }
  Work do_reduce_scatter(const at::Tensor& output, const at::Tensor& input) override {
    return reduce_scatter_of(*parts_.base, output, input);
  }
  Work do_all_gather(const at::Tensor& output, const at::Tensor& input) override {
    return all_gather_of(*parts_.base, output, input);
  }
  Work do_all_to_all(const at::Tensor& output, const at::Tensor& input) override {
    return all_to_all_of(*parts_.base, output, input);
  }
  std::unique_ptr<Communicator> do_split(const std::vector<int>& members) override {
    auto group = split_of(*parts_.base, members);
    return group ? regroup_(std::move(group)) : nullptr;
  }
  /// Among the ranks of one host by the board, where all_reduce compares by itself.
  void do_compare(const CollectiveCall& mine) override;
  void require_open() const override { require_open_of(*parts_.base); }
  void reduce_in_pieces(const at::Tensor& tensor, ReduceOp op);
  Factory factory_;
  Regroup regroup_;
  Parts parts_;
  at::Tensor staging_;  // two pieces of bytes
  at::Tensor token_;    // what is moved where calls are compared
  std::unique_ptr<Pipeline> pipeline_;
};

}  // namespace ringtrain::ring
