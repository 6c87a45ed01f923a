#include "comm/ring/operation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "comm/ring/reduce.h"
#include "common/errors.h"

namespace ringtrain::ring {
Operation::Operation(const Seat& seat, BufferPool& buffers, std::uint64_t number, const at::Tensor& tensor,
                     ReduceOp op, const CollectiveCall& what)
    : seat_(seat),
      buffers_(buffers),
      number_(number),
      tensor_(tensor),
      op_(op),
      what_(what),
      inlined_(tensor.nbytes() <= payload_bytes) {
  Neighbours& neighbours = *seat_.neighbours;
  Board& board = neighbours.board(neighbours.rank());
  auto& slot = board.slots[number_ % slot_count];
  void* data = tensor.data_ptr();
  // A view that shares the allocated tensor's storage is a part of it, however small.
  if (neighbours.place_of(data, tensor.nbytes())) position_ = tensor.storage_offset();
  if (inlined_) data = std::memcpy(slot.payload.data(), data, tensor.nbytes());
  slot.call = {.place = neighbours.place_of(data, tensor.nbytes()).value(),
               .what = what_,
               .numel = tensor.numel(),
               .position = position_};
  board.announced.store(number_ + 1, std::memory_order_release);
}

bool Operation::advance(bool& moved) {
  try {
    return go_on(moved);
  } catch (const CommError& error) {
    throw CommError(fmt::format("{}: {}", what_.text(), error.what()));
  }
}

bool Operation::go_on(bool& moved) {
  while (stage_ != Stage::done) {
    if (stage_ == Stage::ringing) {
      if (!ring_->advance(moved)) return false;
    }
    if (!step()) return false;
    moved = true;
  }
  return true;
}

// The next stage, if this one is over.
bool Operation::step() {
  Board& board = seat_.neighbours->board(seat_.neighbours->rank());
  switch (stage_) {
    case Stage::gathering:
      if (!all(&Board::announced)) return false;
      require_same_calls();
      for (int r = 0; r < seat_.neighbours->size(); ++r) tensors_.push_back(address(r));
      choose_slice();
      reduce_in_host();
      if (seat_.link) start_ring();
      stage_ = ring_ ? Stage::ringing : Stage::finishing;
      return true;
    case Stage::ringing:
      ring_.reset();
      spread_in_host();
      stage_ = Stage::finishing;
      return true;
    case Stage::finishing:
      // The counter counts operations in order, also when a ring of a later one was faster.
      if (board.finished.load(std::memory_order_relaxed) != number_) return false;
      board.finished.store(number_ + 1, std::memory_order_release);
      stage_ = Stage::spreading;
      return true;
    default:
      // A payload on one host was reduced by each rank for itself.
      if (!(inlined_ && !seat_.several_hosts) && !all(&Board::finished)) return false;
      if (inlined_ && seat_.several_hosts) read_payload();
      stage_ = Stage::done;
      return true;
  }
}

bool Operation::all(std::atomic<std::uint64_t> Board::*counter) const {
  for (int r = 0; r < seat_.neighbours->size(); ++r) {
    const Board& board = seat_.neighbours->board(r);
    const auto behind = [&] { return (board.*counter).load(std::memory_order_acquire) <= number_; };
    if (!behind()) continue;
    if (board.gone.load(std::memory_order_acquire) && behind())
      throw CommError(fmt::format("local rank {} has ended and takes part no more", r));
    return false;
  }
  return true;
}

void Operation::require_same_calls() const {
  Neighbours& neighbours = *seat_.neighbours;
  const auto call_of = [&](int r) -> const Call& {
    return neighbours.board(r).slots[number_ % slot_count].call;
  };
  const Call& mine = call_of(neighbours.rank());
  bool same = true;
  for (int r = 0; r < neighbours.size(); ++r) same = same && call_of(r).what == mine.what;
  if (!same) {
    std::vector<CollectiveCall> calls;
    for (int r = 0; r < neighbours.size(); ++r) calls.push_back(call_of(r).what);
    require_same(calls, seat_.several_hosts ? "local rank" : "rank");
  }
  for (int r = 0; r < neighbours.size(); ++r) {
    const Call& other = call_of(r);
    if (other.numel != mine.numel)
      throw CommError(
          fmt::format("local ranks {} and {} move the tensor in pieces of another size: one was made by "
                      "Communicator::allocate, the other was not; make it alike on all ranks",
                      neighbours.rank(), r));
    if (other.position == mine.position || !seat_.several_hosts) continue;
    throw CommError(
        fmt::format("local rank {} reduces a tensor at element {} of what it allocated, local rank {} one "
                    "at element {}; between hosts every rank must reduce the same part",
                    neighbours.rank(), mine.position, r, other.position));
  }
}

std::byte* Operation::address(int rank) const {
  return seat_.neighbours->address(rank,
                                   seat_.neighbours->board(rank).slots[number_ % slot_count].call.place);
}

// Slices begin at cache lines. A payload is one slice, of a column that changes with the operation.
void Operation::choose_slice() {
  const int rank = seat_.neighbours->rank();
  const std::int64_t numel = tensor_.numel(), columns = seat_.columns;
  if (inlined_) {
    const bool mine = !seat_.several_hosts || static_cast<std::int64_t>(number_) % columns == rank;
    end_ = mine ? numel : 0;
    return;
  }
  const auto line = static_cast<std::int64_t>(64 / tensor_.element_size());
  const std::int64_t share = ((numel + columns - 1) / columns + line - 1) / line * line;
  begin_ = std::min(numel, rank * share);
  end_ = rank < columns ? std::min(numel, begin_ + share) : begin_;
}

// Sums go in rank order, whoever makes them: every element has the same bits everywhere.
void Operation::reduce_in_host() {
  if (begin_ == end_) return;
  const auto rank = static_cast<std::size_t>(seat_.neighbours->rank());
  const c10::SmallVector<const std::byte*, 16> sources(tensors_.begin(), tensors_.end());
  const std::span<const std::byte* const> all_sources(sources.data(), sources.size());
  if (inlined_ && !seat_.several_hosts) {
    auto* result = static_cast<std::byte*>(tensor_.data_ptr());
    reduce_all(tensor_.scalar_type(), op_, all_sources, {&result, 1}, begin_, end_);
  } else if (seat_.several_hosts) {
    if (tensors_.size() > 1)
      reduce_all(tensor_.scalar_type(), op_, all_sources, {&tensors_[rank], 1}, begin_, end_);
  } else {
    reduce_all(tensor_.scalar_type(), op_, all_sources, {tensors_.data(), tensors_.size()}, begin_, end_);
  }
}

void Operation::start_ring() {
  const auto size = static_cast<std::int64_t>(tensor_.element_size());
  const at::ScalarType dtype = tensor_.scalar_type();
  std::byte* mine = tensors_[static_cast<std::size_t>(seat_.neighbours->rank())];
  ring_.emplace(*seat_.link, buffers_,
                RingTensor{.data = mine + begin_ * size,
                           .numel = end_ - begin_,
                           .position = position_ + begin_,
                           .dtype = dtype,
                           .wire = dtype == at::kFloat && op_ == ReduceOp::sum ? seat_.wire : dtype,
                           .op = op_},
                static_cast<int>(number_ % (2 * slot_count)) * RingPass::tags(seat_.link->hosts()));
}

void Operation::spread_in_host() {
  if (begin_ == end_) return;
  const auto size = static_cast<std::int64_t>(tensor_.element_size());
  const auto rank = static_cast<std::size_t>(seat_.neighbours->rank());
  for (std::size_t r = 0; r < tensors_.size(); ++r)
    if (r != rank)
      std::memcpy(tensors_[r] + begin_ * size, tensors_[rank] + begin_ * size,
                  static_cast<std::size_t>((end_ - begin_) * size));
}

void Operation::read_payload() {
  std::memcpy(tensor_.data_ptr(), tensors_[static_cast<std::size_t>(seat_.neighbours->rank())],
              tensor_.nbytes());
}

}  // namespace ringtrain::ring
