#pragma once

#include <c10/core/ScalarType.h>

#include <cstddef>
#include <span>

#include "comm/communicator.h"

/// The arithmetic of the all-reduce, on plain memory.
namespace ringtrain::ring {

/// Reduces elements [begin, end) of all `tensors`, in their order, and writes the result into each of
/// `results` (which may be the same tensors). 16-bit types are summed in float and rounded once.
void reduce_all(at::ScalarType dtype, ReduceOp op, std::span<const std::byte* const> tensors,
                std::span<std::byte* const> results, std::int64_t begin, std::int64_t end);

/// into[i] = into[i] op from[i]. `wire`: the type of `from`, which is `dtype` or, for float, bfloat16 or
/// half.
void reduce_into(at::ScalarType dtype, ReduceOp op, std::byte* into, const std::byte* from,
                 at::ScalarType wire, std::int64_t numel);

/// Converts between `dtype` and the type on the wire; copies when they are the same.
void to_wire(at::ScalarType dtype, const std::byte* from, at::ScalarType wire, std::byte* to,
             std::int64_t numel);
void from_wire(at::ScalarType wire, const std::byte* from, at::ScalarType dtype, std::byte* to,
               std::int64_t numel);

}  // namespace ringtrain::ring
