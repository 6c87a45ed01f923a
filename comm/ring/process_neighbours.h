#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "comm/mpi/session.h"
#include "comm/ring/neighbours.h"
#include "comm/ring/shared_block.h"

namespace ringtrain::ring {

/// Neighbours that are processes of one host.
class ProcessNeighbours : public Neighbours {
 public:
  /// Returns null, on all ranks of `everybody`, where some host gives its ranks no common memory.
  /// `host_ranks`: those of this host. Collective over `everybody`.
  static std::unique_ptr<ProcessNeighbours> make(const mpi::Handle& everybody, mpi::Handle host_ranks);

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  Board& board(int rank) override { return *boards_[static_cast<std::size_t>(rank)]; }
  std::optional<Place> place_of(const void* data, std::size_t bytes) const override;
  std::byte* address(int rank, Place place) const override;
  /// The memory of a tensor goes when no rank has the tensor any more: in the next call, or with this object.
  at::Tensor allocate(std::int64_t numel, const at::TensorOptions& options) override;
  void check() const override {}  // a process that dies is the launcher's matter

 private:
  /// One block of each rank, by rank; each mapped here.
  using Blocks = std::vector<SharedBlock>;
  explicit ProcessNeighbours(mpi::Handle host_ranks);
  const std::shared_ptr<Blocks>& share(std::size_t bytes);
  void give_back();

  mpi::Handle host_ranks_;
  int rank_ = 0, size_ = 1;
  // By their number; the same ones on all ranks. Tensors keep them mapped beyond the communicator's end.
  std::map<std::uint64_t, std::shared_ptr<Blocks>> blocks_;
  std::uint64_t shared_ = 0;  ///< how many there have been
  std::vector<Board*> boards_;
};

}  // namespace ringtrain::ring
