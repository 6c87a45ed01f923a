#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <optional>

#include "comm/ring/board.h"

namespace ringtrain::ring {

/// The ranks of one host, which can read and write each other's tensors: processes with shared memory, or
/// threads.
class Neighbours {
 public:
  virtual ~Neighbours() = default;
  virtual int rank() const = 0;  ///< among the neighbours
  virtual int size() const = 0;
  virtual Board& board(int rank) = 0;

  /// Where `data` lies, if the neighbours can reach it.
  virtual std::optional<Place> place_of(const void* data, std::size_t bytes) const = 0;
  /// The address at which this rank reaches what `rank` has at `place`.
  virtual std::byte* address(int rank, Place place) const = 0;
  /// A zeroed tensor that the neighbours can reach. Collective; sizes may not differ.
  virtual at::Tensor allocate(std::int64_t numel, const at::TensorOptions& options) = 0;
  /// Throws CommError when a neighbour has gone.
  virtual void check() const = 0;
};

}  // namespace ringtrain::ring
