#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "comm/communicator.h"

namespace ringtrain {

/// What a rank calls, in numbers that the other ranks compare with those of their own call.
struct CollectiveCall {
  enum class Kind : std::int64_t {
    all_reduce,
    broadcast,
    reduce_scatter,
    all_gather,
    all_to_all,
    barrier,
    duplicate,
    allocate,
    refused  ///< its arguments broke the contract, so that it sends nothing
  };
  using Numbers = std::array<std::int64_t, 4>;

  Kind kind = Kind::barrier;
  std::int64_t numel = 0;   ///< of the tensor, or of the input
  std::int64_t dtype = 0;   ///< an at::ScalarType
  std::int64_t detail = 0;  ///< of an all_reduce the ReduceOp, of a broadcast the root

  static CollectiveCall all_reduce(const at::Tensor& tensor, ReduceOp op);
  static CollectiveCall broadcast(const at::Tensor& tensor, int root);
  static CollectiveCall reduce_scatter(const at::Tensor& input);
  static CollectiveCall all_gather(const at::Tensor& input);
  static CollectiveCall all_to_all(const at::Tensor& input);
  static CollectiveCall allocate(std::int64_t numel, at::ScalarType dtype);

  bool operator==(const CollectiveCall&) const = default;
  Numbers numbers() const { return {static_cast<std::int64_t>(kind), numel, dtype, detail}; }
  /// "broadcast of 5 float32 from rank 0"
  std::string text() const;
};

/// Throws CommError unless all `calls` (by rank) are the same: "ranks called different collectives: ranks
/// 0-1, 3 broadcast of 5 float32 from rank 0; rank 2 broadcast of 6 float32 from rank 0; ...". It is the same
/// on every rank that has the same `calls`. `who`: what the numbers count, if not the ranks of the job.
void require_same(std::span<const CollectiveCall> calls, std::string_view who = "rank");

}  // namespace ringtrain
