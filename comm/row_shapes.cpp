#include "comm/row_shapes.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "comm/checks.h"
#include "common/errors.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kShapeNumbers = sizeof(RowShape) / sizeof(std::int64_t);

std::string text_of(const RowShape& shape) {
  return fmt::format(
      "{} rows of shape {}", checks::dtype_name(static_cast<at::ScalarType>(shape.type)),
      c10::str(at::IntArrayRef(shape.sizes.data() + 1, static_cast<std::size_t>(shape.dims - 1))));
}

void require_rows(std::string_view call, const Communicator& communicator, const at::Tensor& mine) {
  if (!mine.defined())
    throw CommError(
        fmt::format("{}: mine is an undefined tensor; without rows pass one of shape [0, ...]", call));
  if (mine.layout() != at::kStrided || mine.is_quantized())
    throw CommError(fmt::format("{}: mine is sparse or quantized; pass a dense tensor", call));
  if (mine.dim() < 1 || mine.dim() > static_cast<std::int64_t>(RowShape::most_dims))
    throw CommError(fmt::format("{}: mine has {} dimensions; expected 1 to {}, the first one counts rows",
                                call, mine.dim(), RowShape::most_dims));
  if (const auto device = communicator.device())
    checks::require_device(call, "mine", mine, *device, communicator.backend());
}

}  // namespace

bool RowShape::has_rows_of(const RowShape& other) const {
  return type == other.type && dims == other.dims &&
         std::equal(sizes.begin() + 1, sizes.end(), other.sizes.begin() + 1);
}

std::vector<std::int64_t> RowShape::sizes_of(std::int64_t rows) const {
  std::vector<std::int64_t> all(sizes.begin(), sizes.begin() + dims);
  all[0] = rows;
  return all;
}

std::int64_t RowShape::bytes_of_row() const {
  const auto element = static_cast<std::int64_t>(c10::elementSize(static_cast<at::ScalarType>(type)));
  return std::accumulate(sizes.begin() + 1, sizes.begin() + dims, element, std::multiplies<>());
}

std::vector<RowShape> agreed_row_shapes(std::string_view call, Communicator& communicator,
                                        const at::Tensor& mine, std::string problem) {
  const auto ranks = static_cast<std::size_t>(communicator.world_size());
  std::vector<RowShape> said(1), all(ranks);
  try {
    require_rows(call, communicator, mine);
    said[0].good = problem.empty() ? 1 : 0;
    said[0].type = static_cast<std::int64_t>(mine.scalar_type());
    said[0].dims = mine.dim();
    std::copy(mine.sizes().begin(), mine.sizes().end(), said[0].sizes.begin());
  } catch (const CommError& error) {
    problem = error.what();
  }
  const auto numbers = [](std::vector<RowShape>& shapes) {
    return at::from_blob(shapes.data(), {static_cast<std::int64_t>(shapes.size()), kShapeNumbers}, at::kLong);
  };
  const at::Device device = communicator.device().value_or(at::kCPU);
  const at::Tensor joined = numbers(all).to(device);
  communicator.all_gather(joined, numbers(said).to(device)).wait();
  numbers(all).copy_(joined);

  if (!problem.empty()) throw CommError(problem);
  for (std::size_t r = 0; r < ranks; ++r) {
    if (!all[r].good)
      throw CommError(fmt::format("{}: rank {} has no rows to send; its own message says why", call, r));
    if (all[r].has_rows_of(all[0])) continue;
    CommError error(
        fmt::format("{}: rank 0 has {}, rank {} has {}; all ranks pass rows of one type and shape, "
                    "also a rank that has none",
                    call, text_of(all[0]), r, text_of(all[r])));
    error.mark_agreed();  // every rank finds the same
    throw error;
  }
  return all;
}

at::Tensor row_bytes_of(const at::Tensor& mine) {
  return mine.detach().resolve_conj().resolve_neg().contiguous().view({-1}).view(at::kByte);
}

}  // namespace ringtrain
