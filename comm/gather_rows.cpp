#include "comm/gather_rows.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <numeric>

#include "comm/checks.h"
#include "comm/row_shapes.h"

namespace ringtrain {
namespace {

std::vector<std::int64_t> counts_of(const std::vector<RowShape>& shapes, std::int64_t each) {
  std::vector<std::int64_t> counts;
  for (const RowShape& shape : shapes) counts.push_back(shape.rows() * each);
  return counts;
}

std::int64_t sum(const std::vector<std::int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

/// Calls `move(rank, offset, bytes)` for the part of each rank that has one.
template <class Move>
void for_parts(const std::vector<std::int64_t>& counts, const Move& move) {
  std::int64_t offset = 0;
  for (std::size_t r = 0; r < counts.size(); offset += counts[r++])
    if (counts[r] > 0) move(static_cast<int>(r), offset, counts[r]);
}

void join_padded(Communicator& communicator, const at::Tensor& joined, const at::Tensor& mine,
                 const std::vector<std::int64_t>& counts, std::int64_t most) {
  const at::Tensor padded = at::zeros({most}, mine.options());
  padded.narrow(0, 0, mine.numel()).copy_(mine);
  const at::Tensor all = at::empty({communicator.world_size(), most}, mine.options());
  communicator.all_gather(all, padded).wait();
  for_parts(counts, [&](int r, std::int64_t offset, std::int64_t bytes) {
    joined.narrow(0, offset, bytes).copy_(all[r].narrow(0, 0, bytes));
  });
}

}  // namespace

at::Tensor all_gather_bytes(Communicator& communicator, const at::Tensor& mine,
                            const std::vector<std::int64_t>& counts) {
  const at::NoGradGuard no_grad;
  const std::int64_t total = sum(counts), most = *std::max_element(counts.begin(), counts.end());
  const at::Tensor joined = at::empty({total}, mine.options());
  const std::int64_t padded = most * communicator.world_size();
  if (total == 0) return joined;
  if (padded == total) {
    communicator.all_gather(joined, mine).wait();
  } else if (padded <= 2 * total) {
    join_padded(communicator, joined, mine, counts, most);
  } else {  // padding would be most of what is sent
    for_parts(counts, [&](int r, std::int64_t offset, std::int64_t bytes) {
      const at::Tensor part = joined.narrow(0, offset, bytes);
      if (r == communicator.rank()) part.copy_(mine);
      communicator.broadcast(part, r).wait();
    });
  }
  return joined;
}

at::Tensor all_gather_rows(Communicator& communicator, const at::Tensor& mine) {
  const auto shapes = agreed_row_shapes("all_gather_rows", communicator, mine);
  const auto counts = counts_of(shapes, shapes[0].bytes_of_row());
  const at::Tensor joined = all_gather_bytes(communicator, row_bytes_of(mine), counts);
  return joined.view(mine.scalar_type()).view(shapes[0].sizes_of(sum(counts_of(shapes, 1))));
}

at::Tensor gather_rows(Communicator& communicator, const at::Tensor& mine, int root) {
  checks::require_root("gather_rows", root, communicator.world_size());
  const at::NoGradGuard no_grad;
  const auto shapes = agreed_row_shapes("gather_rows", communicator, mine);
  const auto counts = counts_of(shapes, shapes[0].bytes_of_row());
  const at::Tensor bytes = row_bytes_of(mine);
  const bool receives = communicator.rank() == root;
  const at::Tensor room =
      at::empty({receives ? sum(counts) : *std::max_element(counts.begin(), counts.end())}, bytes.options());
  for_parts(counts, [&](int r, std::int64_t offset, std::int64_t count) {
    if (r == root) {
      if (receives) room.narrow(0, offset, count).copy_(bytes);
      return;
    }
    const at::Tensor part = r == communicator.rank() ? bytes : room.narrow(0, receives ? offset : 0, count);
    communicator.broadcast(part, r).wait();
  });
  if (!receives) return {};
  return room.view(mine.scalar_type()).view(shapes[0].sizes_of(sum(counts_of(shapes, 1))));
}

}  // namespace ringtrain
