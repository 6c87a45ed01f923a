#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "data/blocks/decoded_blocks.h"
#include "data/dataset.h"

namespace ringtrain {

/// One part of a table in blocks, read as it is asked for: sample i is row i of the part, counted through the
/// blocks. What was read is kept in pieces of about 64 KiB; one that was used since the last round of the
/// search for room stays (Corbató's clock, 1968).
class StreamedRows : public Dataset {
 public:
  /// `most_bytes`: of the pieces that are kept.
  StreamedRows(std::shared_ptr<DecodedBlocks> blocks, SplitPart part, std::int64_t most_bytes);
  ~StreamedRows() override;
  std::int64_t size() const override { return starts_.back(); }
  Batch read(const std::vector<std::int64_t>& indices) const override;
  /// Decodes them in a thread of its own, in that order.
  void expect(const std::vector<std::int64_t>& blocks) const override;

  /// Bytes that the windows of `lanes` lanes of `window` rows take, in such pieces.
  static std::int64_t bytes_of_windows(std::int64_t lanes, std::int64_t window, std::int64_t record_bytes);

 private:
  struct Piece {
    std::size_t block = 0;
    std::int64_t number = -1;  ///< in its block; -1: none
    bool used = false;
    std::string bytes{};
  };
  void decode_ahead() const;
  const char* record(std::int64_t index) const;
  std::size_t block_of(std::int64_t index) const;
  const std::string& piece(std::size_t block, std::int64_t number) const;
  /// A place for one more, which is empty.
  std::int32_t make_room() const;
  const OpenedFile& file_of(std::size_t block) const;

  std::shared_ptr<DecodedBlocks> blocks_;
  SplitPart part_;
  std::int64_t record_bytes_, rows_a_piece_, most_pieces_;
  std::vector<std::int64_t> starts_;  ///< [blocks + 1]
  mutable std::mutex mutex_;
  mutable std::vector<Piece> pieces_;
  mutable std::vector<std::vector<std::int32_t>> places_;  ///< [blocks][pieces], -1 for none; or empty
  mutable std::size_t hand_ = 0, last_block_ = 0;
  mutable std::unordered_map<std::size_t, std::shared_ptr<OpenedFile>> files_;

  mutable std::mutex ahead_mutex_;
  mutable std::condition_variable expected_;
  mutable std::deque<std::size_t> ahead_;  ///< to decode
  mutable std::set<std::int64_t> soon_;    ///< that are expected now
  mutable bool stop_ = false;
  mutable std::thread decoder_;
};

}  // namespace ringtrain
