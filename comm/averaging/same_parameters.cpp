#include "comm/averaging/same_parameters.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "common/errors.h"
#include "common/hash.h"

namespace ringtrain {
namespace {

std::string line_of(const std::string& name, const at::Tensor& tensor) {
  return fmt::format("{} [{}] {}", name, fmt::join(tensor.sizes(), ", "),
                     c10::toString(tensor.scalar_type()));
}

/// A line each: "output.weight [4, 3] Float"; then what is not trained.
std::string listed(const FlatParameters& parameters) {
  std::string text;
  for (const auto& entry : parameters.entries()) text += line_of(entry.name, entry.parameter) + "\n";
  for (const auto& other : parameters.others()) text += line_of(other.name, other.tensor) + ", not trained\n";
  return text;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

class Exchange {
 public:
  explicit Exchange(Communicator& communicator)
      : communicator_(communicator), device_(communicator.device().value_or(at::Device(at::kCPU))) {}

  /// Whether `number` is the same everywhere; one that float64 holds.
  bool same(double number) {
    at::Tensor ends = at::tensor({number, -number}, at::kDouble).to(device_);
    communicator_.all_reduce(ends, ReduceOp::max).wait();
    const auto on_host = ends.cpu();
    return on_host[0].item<double>() == -on_host[1].item<double>();
  }
  double least(double number) {
    at::Tensor value = at::tensor({number}, at::kDouble).to(device_);
    communicator_.all_reduce(value, ReduceOp::min).wait();
    return value.item<double>();
  }
  std::string text_of(int root, const std::string& mine) {
    at::Tensor size = at::tensor({static_cast<double>(mine.size())}, at::kDouble).to(device_);
    communicator_.broadcast(size, root).wait();
    std::string text(static_cast<std::size_t>(size.item<double>()), ' ');
    if (communicator_.rank() == root) text = mine;
    auto bytes = at::from_blob(text.data(), {static_cast<std::int64_t>(text.size())}, at::kByte);
    at::Tensor moved = bytes.to(device_, at::kByte, /*non_blocking=*/false, /*copy=*/true);
    communicator_.broadcast(moved, root).wait();
    bytes.copy_(moved);
    return text;
  }

 private:
  Communicator& communicator_;
  const at::Device device_;
};

/// The first line in which two lists differ.
std::string difference(int rank, const std::string& mine, const std::string& first) {
  const auto here = lines_of(mine), there = lines_of(first);
  std::size_t i = 0;
  while (i < here.size() && i < there.size() && here[i] == there[i]) ++i;
  const auto shown = [i](const std::vector<std::string>& lines) {
    return i < lines.size() ? lines[i] : std::string("none");
  };
  return fmt::format(
      "the module of rank {} is not that of rank 0: its parameters and buffers are {} and {}; the first "
      "that differs, counted from the last layer, is {} here and {} on rank 0. Make the same module on every "
      "rank",
      rank, here.size(), there.size(), shown(here), shown(there));
}

}  // namespace

void require_same_parameters(const FlatParameters& parameters, Communicator& communicator) {
  if (communicator.world_size() == 1) return;
  const auto mine = listed(parameters);
  // 48 bits of it, which a float64 holds.
  const auto hash = static_cast<double>(std::stoull(hash_text(mine).substr(0, 12), nullptr, 16));
  Exchange exchange(communicator);
  if (exchange.same(hash)) return;
  const auto first = exchange.text_of(0, mine);
  const int world = communicator.world_size(), rank = communicator.rank();
  const int other = static_cast<int>(exchange.least(mine == first ? world : rank));
  throw ConfigError(exchange.text_of(other, mine == first ? "" : difference(rank, mine, first)));
}

}  // namespace ringtrain
