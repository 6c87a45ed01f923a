#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "comm/communicator.h"

namespace ringtrain {

/// What a rank says of its rows [n, ...] before they are sent.
struct RowShape {
  static constexpr std::size_t most_dims = 64;  // as many as LibTorch's own operations take
  std::int64_t good = 0, type = 0, dims = 0;
  std::array<std::int64_t, most_dims> sizes{};

  std::int64_t rows() const { return sizes[0]; }
  bool has_rows_of(const RowShape& other) const;
  /// The shape of so many rows.
  std::vector<std::int64_t> sizes_of(std::int64_t rows) const;
  std::int64_t bytes_of_row() const;
};

/// What all ranks have, by rank. Throws CommError, on all ranks, where some rank's tensor is undefined, not
/// dense, a single number or elsewhere, or its rows differ from rank 0's; and where `problem` says what else
/// is wrong on this rank. Collective.
std::vector<RowShape> agreed_row_shapes(std::string_view call, Communicator& communicator,
                                        const at::Tensor& mine, std::string problem = {});

/// [bytes] uint8: `mine` as it is sent.
at::Tensor row_bytes_of(const at::Tensor& mine);

}  // namespace ringtrain
