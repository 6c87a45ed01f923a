#include "comm/gather_rows.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/StringUtil.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <string>

#include "comm/checks.h"
#include "common/errors.h"

namespace ringtrain {
namespace {

/// What a rank says of its tensor before rows are sent.
struct Shape {
  static constexpr std::size_t most_dims = 64;  // as many as LibTorch's own operations take
  std::int64_t good = 0, type = 0, dims = 0;
  std::array<std::int64_t, most_dims> sizes{};

  bool has_rows_of(const Shape& other) const {
    return type == other.type && dims == other.dims &&
           std::equal(sizes.begin() + 1, sizes.end(), other.sizes.begin() + 1);
  }
  std::vector<std::int64_t> sizes_of(std::int64_t rows) const {
    std::vector<std::int64_t> all(sizes.begin(), sizes.begin() + dims);
    all[0] = rows;
    return all;
  }
  std::string rows() const {
    return fmt::format("{} rows of shape {}", checks::dtype_name(static_cast<at::ScalarType>(type)),
                       c10::str(at::IntArrayRef(sizes.data() + 1, static_cast<std::size_t>(dims - 1))));
  }
};
constexpr std::int64_t shape_numbers = sizeof(Shape) / sizeof(std::int64_t);

void require_rows(std::string_view call, const Communicator& communicator, const at::Tensor& mine) {
  if (!mine.defined())
    throw CommError(
        fmt::format("{}: mine is an undefined tensor; without rows pass one of shape [0, ...]", call));
  if (mine.layout() != at::kStrided || mine.is_quantized())
    throw CommError(fmt::format("{}: mine is sparse or quantized; pass a dense tensor", call));
  if (mine.dim() < 1 || mine.dim() > static_cast<std::int64_t>(Shape::most_dims))
    throw CommError(fmt::format("{}: mine has {} dimensions; expected 1 to {}, the first one counts rows",
                                call, mine.dim(), Shape::most_dims));
  if (const auto device = communicator.device())
    checks::require_device(call, "mine", mine, *device, communicator.backend());
}

/// The shapes of all ranks, once it is known that they fit.
std::vector<Shape> agreed_shapes(std::string_view call, Communicator& communicator, const at::Tensor& mine) {
  const auto ranks = static_cast<std::size_t>(communicator.world_size());
  std::vector<Shape> said(1), all(ranks);
  std::string problem;
  try {
    require_rows(call, communicator, mine);
    said[0].good = 1;
    said[0].type = static_cast<std::int64_t>(mine.scalar_type());
    said[0].dims = mine.dim();
    std::copy(mine.sizes().begin(), mine.sizes().end(), said[0].sizes.begin());
  } catch (const CommError& error) {
    problem = error.what();
  }
  const auto numbers = [](std::vector<Shape>& shapes) {
    return at::from_blob(shapes.data(), {static_cast<std::int64_t>(shapes.size()), shape_numbers}, at::kLong);
  };
  const at::Device device = communicator.device().value_or(at::kCPU);
  const at::Tensor joined = numbers(all).to(device);
  communicator.all_gather(joined, numbers(said).to(device)).wait();
  numbers(all).copy_(joined);

  if (!problem.empty()) throw CommError(problem);
  for (std::size_t r = 0; r < ranks; ++r) {
    if (!all[r].good)
      throw CommError(fmt::format("{}: rank {} has no rows to gather; its own message says why", call, r));
    if (all[r].has_rows_of(all[0])) continue;
    CommError error(
        fmt::format("{}: rank 0 has {}, rank {} has {}; all ranks pass rows of one type and shape, "
                    "also a rank that has none",
                    call, all[0].rows(), r, all[r].rows()));
    error.mark_agreed();  // every rank finds the same
    throw error;
  }
  return all;
}

at::Tensor bytes_of(const at::Tensor& tensor) {
  return tensor.detach().resolve_conj().resolve_neg().contiguous().view({-1}).view(at::kByte);
}

std::vector<std::int64_t> counts_of(const std::vector<Shape>& shapes, std::int64_t each) {
  std::vector<std::int64_t> counts;
  for (const Shape& shape : shapes) counts.push_back(shape.sizes[0] * each);
  return counts;
}

std::int64_t sum(const std::vector<std::int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

std::int64_t bytes_of_row(const Shape& shape, const at::Tensor& mine) {
  return std::accumulate(shape.sizes.begin() + 1, shape.sizes.begin() + shape.dims,
                         static_cast<std::int64_t>(mine.element_size()), std::multiplies<>());
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
  const auto shapes = agreed_shapes("all_gather_rows", communicator, mine);
  const auto counts = counts_of(shapes, bytes_of_row(shapes[0], mine));
  const at::Tensor joined = all_gather_bytes(communicator, bytes_of(mine), counts);
  return joined.view(mine.scalar_type()).view(shapes[0].sizes_of(sum(counts_of(shapes, 1))));
}

at::Tensor gather_rows(Communicator& communicator, const at::Tensor& mine, int root) {
  checks::require_root("gather_rows", root, communicator.world_size());
  const at::NoGradGuard no_grad;
  const auto shapes = agreed_shapes("gather_rows", communicator, mine);
  const auto counts = counts_of(shapes, bytes_of_row(shapes[0], mine));
  const at::Tensor bytes = bytes_of(mine);
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
