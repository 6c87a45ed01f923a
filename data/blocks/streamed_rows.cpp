#include "data/blocks/streamed_rows.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace ringtrain {
namespace {

constexpr std::int64_t kPieceBytes = 1 << 16;
/// Files that are open at once; a process may have a thousand of all kinds.
constexpr std::size_t kMostFiles = 128;

std::int64_t rows_of_piece(std::int64_t record_bytes) {
  return std::max<std::int64_t>(1, kPieceBytes / record_bytes);
}

}  // namespace

StreamedRows::StreamedRows(std::shared_ptr<DecodedBlocks> blocks, SplitPart part, std::int64_t most_bytes)
    : blocks_(std::move(blocks)),
      part_(part),
      record_bytes_(blocks_->decoder().records().bytes()),
      rows_a_piece_(rows_of_piece(record_bytes_)),
      most_pieces_(std::max<std::int64_t>(2, most_bytes / (rows_a_piece_ * record_bytes_))),
      starts_{0} {
  for (const auto& rows : blocks_->plan().rows)
    starts_.push_back(starts_.back() + rows[static_cast<std::size_t>(part)]);
  places_.resize(starts_.size() - 1);
}

StreamedRows::~StreamedRows() {
  if (!decoder_.joinable()) return;
  {
    const std::lock_guard lock(ahead_mutex_);
    stop_ = true;
  }
  expected_.notify_one();
  decoder_.join();
}

void StreamedRows::expect(const std::vector<std::int64_t>& blocks) const {
  const std::lock_guard lock(ahead_mutex_);
  const auto waiting = ahead_.size();
  for (const auto block : blocks)
    if (!soon_.contains(block)) ahead_.push_back(static_cast<std::size_t>(block));
  soon_ = {blocks.begin(), blocks.end()};
  if (ahead_.size() == waiting) return;
  if (!decoder_.joinable()) decoder_ = std::thread([this] { decode_ahead(); });
  expected_.notify_one();
}

void StreamedRows::decode_ahead() const {
  ::pthread_setname_np(::pthread_self(), "decoder");
  std::unique_lock lock(ahead_mutex_);
  while (true) {
    expected_.wait(lock, [this] { return stop_ || !ahead_.empty(); });
    if (stop_) return;
    const auto block = ahead_.front();
    ahead_.pop_front();
    lock.unlock();
    try {
      blocks_->open(block, part_);
    } catch (...) {  // whoever reads the block meets the same, and says it at its batch
    }
    lock.lock();
  }
}

std::int64_t StreamedRows::bytes_of_windows(std::int64_t lanes, std::int64_t window,
                                            std::int64_t record_bytes) {
  // A window begins and ends within a piece.
  const auto rows = rows_of_piece(record_bytes);
  return lanes * (window / rows + 2) * rows * record_bytes;
}

Batch StreamedRows::read(const std::vector<std::int64_t>& indices) const {
  const std::lock_guard lock(mutex_);
  return blocks_->decoder().records().batch(static_cast<std::int64_t>(indices.size()), [&](std::int64_t i) {
    return record(indices[static_cast<std::size_t>(i)]);
  });
}

/// Samples come lane by lane, so that the block is mostly that of the one before.
std::size_t StreamedRows::block_of(std::int64_t index) const {
  if (index < starts_[last_block_] || index >= starts_[last_block_ + 1])
    last_block_ =
        static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), index) - starts_.begin()) -
        1;
  return last_block_;
}

const char* StreamedRows::record(std::int64_t index) const {
  const auto block = block_of(index);
  const auto row = index - starts_[block];
  return piece(block, row / rows_a_piece_).data() + row % rows_a_piece_ * record_bytes_;
}

std::int32_t StreamedRows::make_room() const {
  if (static_cast<std::int64_t>(pieces_.size()) < most_pieces_) {
    pieces_.emplace_back();
    return static_cast<std::int32_t>(pieces_.size() - 1);
  }
  while (std::exchange(pieces_[hand_].used, false)) hand_ = (hand_ + 1) % pieces_.size();
  auto& piece = pieces_[hand_];
  if (piece.number >= 0) places_[piece.block][static_cast<std::size_t>(piece.number)] = -1;
  piece.number = -1;
  const auto found = static_cast<std::int32_t>(hand_);
  hand_ = (hand_ + 1) % pieces_.size();
  return found;
}

const OpenedFile& StreamedRows::file_of(std::size_t block) const {
  const auto known = files_.find(block);
  if (known != files_.end()) return *known->second;
  auto opened = blocks_->open(block, part_);
  if (files_.size() >= kMostFiles) files_.clear();
  return *(files_[block] = std::move(opened));
}

const std::string& StreamedRows::piece(std::size_t block, std::int64_t number) const {
  auto& places = places_[block];
  const auto rows = starts_[block + 1] - starts_[block];
  if (places.empty()) places.assign(static_cast<std::size_t>((rows - 1) / rows_a_piece_ + 1), -1);
  auto& place = places[static_cast<std::size_t>(number)];
  if (place >= 0) {
    auto& known = pieces_[static_cast<std::size_t>(place)];
    known.used = true;
    return known.bytes;
  }
  const auto& file = file_of(block);
  const auto room = make_room();
  auto& piece = pieces_[static_cast<std::size_t>(room)];
  const auto first = number * rows_a_piece_;
  piece.bytes.resize(static_cast<std::size_t>(std::min(rows_a_piece_, rows - first) * record_bytes_));
  file.read(first * record_bytes_, piece.bytes.data(), static_cast<std::int64_t>(piece.bytes.size()));
  piece.block = block;
  piece.number = number;
  piece.used = true;
  place = room;
  return piece.bytes;
}

}  // namespace ringtrain
