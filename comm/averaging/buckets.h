#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "comm/averaging/flat_parameters.h"
#include "comm/communicator.h"

namespace ringtrain {

/// Flat parameters cut into buckets: runs of parameters of one group that are reduced together, in the order
/// in which backward is expected to fill them.
class Buckets {
 public:
  struct Bucket {
    std::size_t group;
    std::int64_t begin, end;           ///< elements of the group's flat tensors
    std::vector<std::size_t> entries;  ///< numbers in FlatParameters::entries()
  };
  Buckets() = default;
  /// Buckets of about `bytes`; the last one of each group is a quarter of it at most, since nothing hides its
  /// time. A parameter is never cut. `bytes` 0: one bucket a group.
  Buckets(const FlatParameters& parameters, std::int64_t bytes);

  std::size_t size() const { return buckets_.size(); }
  const Bucket& operator[](std::size_t i) const { return buckets_[i]; }
  std::size_t bucket_of(std::size_t entry) const { return bucket_of_[entry]; }
  std::int64_t bytes() const { return bytes_; }  ///< what was asked for

 private:
  std::vector<Bucket> buckets_;
  std::vector<std::size_t> bucket_of_;
  std::int64_t bytes_ = 0;
};

/// The smallest bucket whose latency is less than a quarter of its transfer, from a few all-reduces of two
/// sizes, but an eighth of `total_bytes` at most, so that the first one is full early; between 256 KiB and 25
/// MiB. The same on all ranks. Collective.
std::int64_t measure_bucket_bytes(Communicator& communicator, const at::Device& device,
                                  std::int64_t total_bytes);

}  // namespace ringtrain
