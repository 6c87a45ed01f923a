#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "comm/collective_call.h"

namespace ringtrain::ring {

/// Where a tensor lies, in terms that each rank of a host can turn into an address of its own.
struct Place {
  std::uint64_t value = 0;
  bool operator==(const Place&) const = default;
};

/// What a rank announces when it enters an operation: equal on all ranks but for the place, and on one host
/// the position.
struct Call {
  Place place;
  CollectiveCall what;  ///< of which this may be one piece
  std::int64_t numel = 0;
  std::int64_t position = 0;
};

/// Operations that may be under way at once.
inline constexpr std::uint64_t slot_count = 16;
/// Tensors up to this size travel in the slot itself.
inline constexpr std::size_t payload_bytes = 2048;

/// What one rank shows to the others of its host. Lies in memory that they share; written by its own rank
/// alone. Operation n uses slot n % slot_count, which is free again when all ranks have finished operation
/// n - slot_count.
struct Board {
  struct Slot {
    Call call;
    alignas(64) std::array<std::byte, payload_bytes> payload;
  };
  alignas(64) std::atomic<std::uint64_t> announced{0};  ///< operations entered
  alignas(64) std::atomic<std::uint64_t> finished{0};   ///< operations whose part of the work is done
  std::atomic<bool> gone{false};                        ///< enters no operation any more
  std::array<Slot, slot_count> slots;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "the counters are shared by processes");

}  // namespace ringtrain::ring
