#include "comm/averaging/buckets.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>

namespace ringtrain {
namespace {

constexpr std::int64_t smallest = 256 << 10, largest = 25 << 20;

// Cuts the entries of one group, given in reverse: the last bucket first, since it shall be the small one.
std::vector<std::vector<std::size_t>> cut(const FlatParameters& parameters,
                                          const std::vector<std::size_t>& entries, std::int64_t element_size,
                                          std::int64_t bytes) {
  std::vector<std::vector<std::size_t>> buckets;
  std::int64_t filled = 0, limit = bytes / 4;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    const std::int64_t size = parameters.entries()[*entry].numel * element_size;
    if (buckets.empty() || (bytes > 0 && filled + size > limit)) {
      if (!buckets.empty()) limit = bytes;
      buckets.emplace_back();
      filled = 0;
    }
    buckets.back().insert(buckets.back().begin(), *entry);
    filled += size;
  }
  std::reverse(buckets.begin(), buckets.end());
  return buckets;
}

double seconds_of_all_reduce(Communicator& communicator, const at::Tensor& tensor) {
  using Clock = std::chrono::steady_clock;
  double best = 1e9;
  for (int round = 0; round < 4; ++round) {
    communicator.barrier();
    const auto start = Clock::now();
    communicator.all_reduce(tensor, ReduceOp::sum, Compare::never).wait();
    if (tensor.is_cuda()) tensor[0].item();  // the device has done it
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

}  // namespace

Buckets::Buckets(const FlatParameters& parameters, std::int64_t bytes)
    : bucket_of_(parameters.entries().size()), bytes_(bytes) {
  for (std::size_t g = 0; g < parameters.groups().size(); ++g) {
    std::vector<std::size_t> entries;
    for (std::size_t i = 0; i < parameters.entries().size(); ++i)
      if (parameters.entries()[i].group == g) entries.push_back(i);
    const auto& gradients = parameters.groups()[g].gradients;
    std::int64_t begin = 0;
    const auto parts = cut(parameters, entries, static_cast<std::int64_t>(gradients.element_size()), bytes);
    for (std::size_t p = 0; p < parts.size(); ++p) {
      // Up to where the next one begins: the gaps are zero and may be reduced.
      const std::int64_t end =
          p + 1 < parts.size() ? parameters.entries()[parts[p + 1].front()].offset : gradients.numel();
      for (const std::size_t entry : parts[p]) bucket_of_[entry] = buckets_.size();
      buckets_.push_back({g, begin, end, parts[p]});
      begin = end;
    }
  }
}

std::int64_t measure_bucket_bytes(Communicator& communicator, const at::Device& device,
                                  std::int64_t total_bytes) {
  constexpr std::int64_t small = 1024, large = 256 * 1024;  // floats
  const auto options = at::TensorOptions(at::kFloat).device(device);
  const at::Tensor tensor = communicator.allocate(large, options);
  const double latency = seconds_of_all_reduce(communicator, tensor.narrow(0, 0, small));
  const double transfer = seconds_of_all_reduce(communicator, tensor);
  const double per_byte = std::max(1e-13, (transfer - latency) / static_cast<double>(4 * (large - small)));
  const at::Tensor bytes = at::full({1}, 4 * latency / per_byte, options.dtype(at::kDouble));
  communicator.all_reduce(bytes, ReduceOp::max).wait();
  const double wanted = std::min(bytes.item<double>(), static_cast<double>(total_bytes) / 8);
  return static_cast<std::int64_t>(
      std::clamp(wanted, static_cast<double>(smallest), static_cast<double>(largest)));
}

}  // namespace ringtrain
