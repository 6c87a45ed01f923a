#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "comm/communicator.h"
#include "comm/ring/link.h"

namespace ringtrain::ring {

/// Buffers of one block each, used again and again.
class BufferPool {
 public:
  std::vector<std::byte> take();
  void give_back(std::vector<std::byte> buffer) { free_.push_back(std::move(buffer)); }

 private:
  std::vector<std::vector<std::byte>> free_;
};

/// What the hosts of a ring reduce: `numel` elements at `data`, in place.
struct RingTensor {
  std::byte* data = nullptr;
  std::int64_t numel = 0;
  /// Number of data[0] in the tensor that this is a part of. Blocks begin at multiples of their size of
  /// *that* tensor, and a block's number says at which host its sum begins: so the order of summation, and
  /// with it the bits of the result, do not depend on how the tensor was cut into buckets.
  std::int64_t position = 0;
  at::ScalarType dtype = at::kFloat;
  at::ScalarType wire = at::kFloat;  ///< `dtype`, or for float a 16-bit type: sums stay in float
  ReduceOp op = ReduceOp::sum;
};

/// Ring all-reduce over hosts, in blocks that go round by themselves: reduce-scatter and all-gather
/// (Patarasuk and Yuan, 2009, "Bandwidth optimal all-reduce algorithms for clusters of workstations") without
/// a barrier between. A block starts at host `s`, is added to by s+1, s+2, ..., and its sum travels on to
/// all. Each host sends 2 (hosts - 1) / hosts of the bytes.
class RingPass {
 public:
  /// How many tags a pass over `hosts` uses, whatever the size of its tensor: two for each block that may be
  /// under way. A block takes the tags of one that has ended on this host, and messages of one tag arrive in
  /// the order in which they were sent.
  static int tags(int hosts) { return static_cast<int>(2 * window(hosts)); }

  /// `first_tag`: the pass uses tags [first_tag, first_tag + tags(hosts)).
  RingPass(Link& link, BufferPool& buffers, const RingTensor& tensor, int first_tag);
  ~RingPass();
  RingPass(const RingPass&) = delete;
  RingPass& operator=(const RingPass&) = delete;

  /// Goes on as far as it can without waiting. Returns whether all is done; sets `moved` when something was.
  bool advance(bool& moved);

 private:
  enum class Stage { receiving_partial, sending_partial, receiving_total, sending_total, done };
  struct Block {
    std::int64_t begin, count;
    int distance, tag;
    Stage stage;
    Link::Ticket ticket;
    std::vector<std::byte> buffer;
  };
  static std::size_t window(int hosts);
  void activate();
  bool step(Block& block);
  void send(Block& block, Stage stage);
  void receive_total(Block& block);
  std::byte* data(const Block& block) const;
  std::size_t wire_bytes(const Block& block) const;
  bool converts() const { return tensor_.wire != tensor_.dtype; }

  Link& link_;
  BufferPool& buffers_;
  RingTensor tensor_;
  int tag_;
  std::int64_t next_ = 0;  ///< first element of the next block
  std::size_t begun_ = 0;  ///< blocks
  std::size_t window_;
  std::deque<Block> active_;
};

}  // namespace ringtrain::ring
