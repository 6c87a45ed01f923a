#include "comm/ring/thread_neighbours.h"

#include <ATen/ATen.h>

namespace ringtrain::ring {
namespace {

// A place is the number of a tensor and an offset in it; payloads are numbered from 2^16 on, by slot.
constexpr std::uint64_t offset_bits = 44, first_payload = 1 << 16;
constexpr std::uint64_t offset_mask = (std::uint64_t{1} << offset_bits) - 1;

}  // namespace

void ThreadHost::add(int rank, std::size_t number, std::byte* data) {
  const std::lock_guard lock(mutex_);
  tensors_[{rank, number}] = data;
}

std::byte* ThreadHost::tensor(int rank, std::size_t number) {
  const std::lock_guard lock(mutex_);
  return tensors_.at({rank, number});
}

std::optional<Place> ThreadNeighbours::place_of(const void* data, std::size_t bytes) const {
  const auto* start = static_cast<const std::byte*>(data);
  for (std::size_t i = 0; i < owned_.size(); ++i) {
    const std::byte* begin = owned_[i].begin();
    if (start >= begin && start + bytes <= begin + owned_[i].tensor.nbytes())
      return Place{(static_cast<std::uint64_t>(i) << offset_bits) |
                   static_cast<std::uint64_t>(start - begin)};
  }
  auto& slots = host_->board(rank_).slots;
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (start == slots[i].payload.data()) return Place{(first_payload + i) << offset_bits};
  return std::nullopt;
}

std::byte* ThreadNeighbours::address(int rank, Place place) const {
  const std::uint64_t number = place.value >> offset_bits;
  if (number >= first_payload) return host_->board(rank).slots[number - first_payload].payload.data();
  return host_->tensor(rank, number) + (place.value & offset_mask);
}

at::Tensor ThreadNeighbours::allocate(std::int64_t numel, const at::TensorOptions& options) {
  owned_.push_back({at::zeros({numel}, options)});
  host_->add(rank_, owned_.size() - 1, owned_.back().begin());
  return owned_.back().tensor;
}

}  // namespace ringtrain::ring
