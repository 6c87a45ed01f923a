#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "comm/communicator.h"

namespace ringtrain {

/// Sends rows to other ranks: MPI_Alltoallv, for rows of any shape. The first `counts[0]` rows of `mine` go
/// to rank 0, the next `counts[1]` to rank 1, and so on. Returns what comes here, [n, ...] of the same type
/// and device, in the order of the ranks that sent it, each one's rows in their order; no gradient flows.
///
/// `mine`: as for gather_rows.h; the same but for the number of rows on every rank. `counts`: one a rank,
/// none negative, all rows of `mine` together. Throws CommError, on all ranks, before any row is sent, where
/// some rank does not keep to this. Collective.
///
/// Beside `mine` and the result a rank holds a few MiB. Rows go in rounds of equal parts: where the counts
/// differ much, a rank moves up to world_size - 1 times its largest part to another rank.
at::Tensor exchange_rows(Communicator& communicator, const at::Tensor& mine,
                         const std::vector<std::int64_t>& counts);

}  // namespace ringtrain
