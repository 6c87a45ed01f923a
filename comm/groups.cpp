#include "comm/groups.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "common/errors.h"

namespace ringtrain {

std::vector<int> members_of_group(Communicator& communicator, std::optional<int> color, int key) {
  constexpr std::int64_t columns = 3;
  const int ranks = communicator.world_size();
  const auto place = at::TensorOptions(communicator.device().value_or(at::kCPU)).dtype(at::kLong);
  const at::Tensor all = at::empty({ranks, columns}, place);
  const std::int64_t mine[columns] = {color.has_value(), color.value_or(0), key};
  communicator.all_gather(all, at::tensor(at::ArrayRef<std::int64_t>(mine), at::kLong).to(place)).wait();
  const at::Tensor host = all.cpu();
  const auto* said = host.const_data_ptr<std::int64_t>();

  std::vector<int> members;
  for (int r = 0; r < ranks; ++r) {
    const auto* one = said + r * columns;
    if (one[0] == 0) continue;
    if (one[1] < 0) {
      CommError error(fmt::format(
          "split: rank {} gives the color {}; expected 0 or more, or none (std::nullopt) for no group", r,
          one[1]));
      error.mark_agreed();  // every rank finds the same
      throw error;
    }
    if (color && one[1] == *color) members.push_back(r);
  }
  std::stable_sort(members.begin(), members.end(),
                   [&](int a, int b) { return said[a * columns + 2] < said[b * columns + 2]; });
  return members;
}

}  // namespace ringtrain
