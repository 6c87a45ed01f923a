#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "data/blocks/block_decoder.h"

namespace ringtrain {

/// A file that is open to be read.
class OpenedFile {
 public:
  /// Throws DataError.
  explicit OpenedFile(const std::filesystem::path& file);
  ~OpenedFile();
  OpenedFile(const OpenedFile&) = delete;
  OpenedFile& operator=(const OpenedFile&) = delete;
  /// Fills `to`. Throws DataError where the file has not so many bytes there.
  void read(std::int64_t at, char* to, std::int64_t bytes) const;
  std::int64_t size() const;

 private:
  std::filesystem::path file_;
  int descriptor_;
};

/// Records of blocks on a disk of the host, made as they are first asked for: a block is decoded once by one
/// of the host's ranks, and its records, by part, are there for all of them. The folder goes with the last
/// process that uses it; one that was killed leaves it to the next, which finds the blocks done.
class DecodedBlocks {
 public:
  struct Options {
    std::filesystem::path folder;  ///< in which a folder of its own is made; "": that of temporary files
    std::string key;               ///< of what the records follow from
    std::int64_t most_bytes = 0;   ///< of training records; 0: no limit
  };
  /// `decoder` outlives it. Throws Error where there is no room for a folder.
  DecodedBlocks(Options options, const BlockDecoder& decoder, const BlockPlan& plan);
  ~DecodedBlocks();
  DecodedBlocks(const DecodedBlocks&) = delete;
  DecodedBlocks& operator=(const DecodedBlocks&) = delete;

  /// The records of a block's rows in a part, in their order. Throws DataError; Error where the disk is full.
  /// Any thread.
  std::shared_ptr<OpenedFile> open(std::size_t block, SplitPart part);
  const BlockDecoder& decoder() const { return decoder_; }
  const BlockPlan& plan() const { return plan_; }
  /// Blocks that this process has decoded.
  std::int64_t decoded() const { return decoded_.load(); }

 private:
  std::filesystem::path file_of(std::size_t block, SplitPart part) const;
  std::shared_ptr<OpenedFile> find(std::size_t block, SplitPart part) const;
  void decode(std::size_t block);
  void make_room(std::size_t kept) const;

  Options options_;
  const BlockDecoder& decoder_;
  const BlockPlan& plan_;
  std::filesystem::path folder_;
  int users_ = -1;  ///< a lock that each user of the folder shares
  std::atomic<std::int64_t> decoded_{0};
};

}  // namespace ringtrain
