#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/SmallVector.h>

#include <atomic>
#include <cstdint>
#include <optional>

#include "comm/communicator.h"
#include "comm/ring/neighbours.h"
#include "comm/ring/ring_pass.h"

namespace ringtrain::ring {

/// Where a rank stands: among the ranks of its host, and in the ring of the hosts.
struct Seat {
  Neighbours* neighbours = nullptr;
  Link* link = nullptr;  ///< null: one host, or a rank that only works within its host
  /// How many ranks of each host take part in rings (the smallest host's number); each carries a slice.
  int columns = 1;
  int ranks_on_host = 1;  ///< of the machine: neighbours or not
  bool several_hosts = false;
  at::ScalarType wire = at::kFloat;  ///< what float32 sums between hosts travel as
};

/// One all-reduce on its way, or a piece of one, or the comparison of other calls. Inside a host each rank
/// reduces a slice of the tensor for all, reading and writing the others' memory; between hosts the slices go
/// round rings, side by side; then each rank spreads its slice over its host.
class Operation {
 public:
  /// Message tags that the operations between `hosts` need, [0, tags).
  static int tags(int hosts) { return static_cast<int>(2 * slot_count) * RingPass::tags(hosts); }

  /// Announces it to the neighbours. `tensor`: reachable by them, or at most payload_bytes large. `what`: the
  /// call that it belongs to, which is compared with theirs.
  Operation(const Seat& seat, BufferPool& buffers, std::uint64_t number, const at::Tensor& tensor,
            ReduceOp op, const CollectiveCall& what);

  /// Goes on as far as it can without waiting. Returns whether the tensor holds the result; sets `moved` when
  /// something was done. Throws CommError.
  bool advance(bool& moved);

  std::uint64_t number() const { return number_; }

 private:
  enum class Stage { gathering, ringing, finishing, spreading, done };
  bool go_on(bool& moved);
  bool step();
  bool all(std::atomic<std::uint64_t> Board::*counter) const;
  void require_same_calls() const;
  void choose_slice();
  void reduce_in_host();
  void start_ring();
  void spread_in_host();
  void read_payload();
  std::byte* address(int rank) const;

  Seat seat_;
  BufferPool& buffers_;
  std::uint64_t number_;
  at::Tensor tensor_;
  ReduceOp op_;
  CollectiveCall what_;
  bool inlined_;                      ///< travels in the slot
  std::int64_t position_ = 0;         ///< of the first element in the tensor that was allocated
  std::int64_t begin_ = 0, end_ = 0;  ///< this rank's slice
  Stage stage_ = Stage::gathering;
  std::optional<RingPass> ring_;
  c10::SmallVector<std::byte*, 16> tensors_;  ///< of all neighbours
};

}  // namespace ringtrain::ring
