#include "trainer/step/replica_check.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/utils.h>

#include <map>
#include <string>
#include <vector>

#include "comm/agreement.h"
#include "common/errors.h"
#include "common/hash.h"
#include "common/text.h"

namespace ringtrain {
namespace {

/// On a GPU the sum of the bits as whole numbers: no copy to the host.
std::uint64_t checksum(const at::Tensor& tensor) {
  if (tensor.numel() == 0) return 0;
  if (tensor.is_cpu()) {
    const auto plain = tensor.contiguous();
    return hash_bytes({static_cast<const char*>(plain.const_data_ptr()), plain.nbytes()});
  }
  const auto bits = tensor.contiguous().view(tensor.element_size() == 8   ? at::kLong
                                             : tensor.element_size() == 4 ? at::kInt
                                                                          : at::kShort);
  return static_cast<std::uint64_t>(bits.sum(at::kLong).item<std::int64_t>());
}

std::vector<std::pair<std::string, at::Tensor>> tensors_of(const Replica& replica) {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto& item : replica.model->named_parameters())
    tensors.emplace_back(item.key(), item.value().detach());
  return tensors;
}

/// The value that most ranks have; of as many, that of the lowest rank.
const std::string& usual(const std::vector<std::string>& all) {
  std::map<std::string, int> counts;
  for (const auto& one : all) ++counts[one];
  const std::string* best = &all[0];
  for (const auto& one : all)
    if (counts[one] > counts[*best]) best = &one;
  return *best;
}

/// The checksums of all tensors as text, 17 characters each.
std::string checksums(const Replica& replica) {
  std::string text;
  for (const auto& [name, tensor] : tensors_of(replica)) text += fmt::format("{:016x} ", checksum(tensor));
  return text;
}

}  // namespace

void check_replicas(const Replica& replica, Communicator& control, std::int64_t step) {
  if (control.world_size() == 1) return;
  const torch::NoGradGuard no_grad;
  std::uint64_t whole = 0;
  for (const auto& group : replica.parameters->groups()) whole = seed_of({whole, checksum(group.values)});
  const auto mine = at::full({1}, static_cast<std::int64_t>(whole), at::kLong);
  const auto least = mine.clone(), most = mine.clone();
  control.all_reduce(least, ReduceOp::min).wait();
  control.all_reduce(most, ReduceOp::max).wait();
  if (at::equal(least, most)) return;

  const auto all = all_gather_strings(control, checksums(replica));
  const std::string& expected = usual(all);
  std::vector<std::string> others;
  std::string tensor;
  for (std::size_t r = 0; r < all.size(); ++r) {
    if (all[r] == expected) continue;
    others.push_back(std::to_string(r));
    if (!tensor.empty()) continue;
    const auto tensors = tensors_of(replica);
    for (std::size_t i = 0; i < tensors.size() && tensor.empty(); ++i)
      if (all[r].compare(i * 17, 17, expected, i * 17, 17) != 0) tensor = tensors[i].first;
  }
  raise_together(
      control, "comparing the replicas",
      std::make_exception_ptr(CommError(fmt::format(
          "after step {} {} {} of {} {} other weights than {}; the first tensor that differs is '{}'. Memory "
          "or a GPU may be faulty there, or the program changed weights by itself",
          step, others.size() == 1 ? "rank" : "ranks", join(others), all.size(),
          others.size() == 1 ? "has" : "have", all.size() == 2 ? "rank 0" : "most", tensor))));
}

}  // namespace ringtrain
