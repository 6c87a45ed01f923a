#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "comm/communicator.h"

/// Gathers of tensors whose first dimension differs between ranks, as the shards of an evaluation do:
/// MPI_Allgatherv and MPI_Gatherv, for rows of any shape.
///
/// `mine`: [n, ...] with at least one dimension and n of 0 or more, where the communicator moves tensors; any
/// dense type (bool and complex too), contiguous or not. All but n is the same on every rank, also on one
/// without rows. The result is a new tensor [sum of all n, ...] of the same type and device, rows in rank
/// order; no gradient flows. Throws CommError, on all ranks, before any row is sent, where some rank's tensor
/// does not keep to this. Collective.
namespace ringtrain {

/// On every rank. Moves up to twice the bytes of the result.
at::Tensor all_gather_rows(Communicator& communicator, const at::Tensor& mine);

/// On rank `root` alone; the others get an undefined tensor, and hold the largest part of another rank
/// meanwhile.
at::Tensor gather_rows(Communicator& communicator, const at::Tensor& mine, int root);

/// For who knows already how many bytes each rank has: joins the uint8 of all ranks, in rank order.
/// `counts`: the same on all ranks, by rank; mine.numel() is this rank's.
at::Tensor all_gather_bytes(Communicator& communicator, const at::Tensor& mine,
                            const std::vector<std::int64_t>& counts);

}  // namespace ringtrain
