#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "data/order/appearances.h"
#include "data/order/share.h"

namespace ringtrain {

/// The order in which an epoch sees its samples: a pure function of (seed, epoch), the same for any number of
/// ranks and any batch size. Samples lie in blocks (of a file: what is read at once), numbered through.
///
/// - The blocks are permuted and laid end to end. That line is cut into `lanes` equal parts, the first ones
///   longer by one where it does not divide.
/// - A lane is permuted in windows of `window` samples, each by itself.
/// - Position p of the epoch is sample p div `lanes` of lane p mod `lanes`.
///
/// So whoever takes some lanes reads about those parts of the blocks, and holds a window of each. One block,
/// one lane and one window give a permutation of all (samples in memory). With weights a sample of that line
/// is an appearance (Appearances). The permutations, exactly, stand in
/// epoch_order.cpp, so that another program can make them.
class EpochOrder {
 public:
  struct Options {
    std::vector<std::int64_t> blocks;  ///< samples of each block
    std::int64_t lanes = 1;            ///< at least 1
    std::int64_t window = 0;           ///< samples; 0: a whole lane
    std::uint64_t seed = 0;
    bool shuffle = true;  ///< false: samples in their own order; needs one lane
    /// Of the samples: how often each appears, against the others; empty: once. Needs one block.
    std::vector<double> weights{};
  };
  /// Throws ConfigError for lanes or a window that are no such numbers.
  explicit EpochOrder(Options options);

  std::int64_t samples() const { return starts_.back(); }
  bool has_blocks() const { return options_.blocks.size() > 1; }
  /// The samples of the positions [positions.begin, positions.end) of `epoch` (from 0), by lane and then by
  /// position; of that list the part [part.begin, part.end). The windows that it needs are kept until others
  /// are needed: in all at most one a lane.
  std::vector<std::int64_t> samples_at(std::int64_t epoch, Range positions, Range part);

  /// The blocks of the windows in which those samples lie, and of the next ones of their lanes: what will be
  /// read soon.
  std::vector<std::int64_t> blocks_soon(std::int64_t epoch, Range positions, Range part);

 private:
  struct Lane {
    Range line{};  ///< its part of the line of blocks
    std::int64_t window = -1;
    std::vector<std::uint32_t> order;  ///< of that window: places in it
  };
  void start(std::int64_t epoch);
  /// Calls `take(lane, places)` for the places of each lane that samples_at means.
  template <class Take>
  void for_each_lane(Range positions, Range part, Take take) const;
  std::int64_t sample(std::int64_t lane, std::int64_t place);
  std::int64_t of_line(std::int64_t place);

  Options options_;
  std::optional<Appearances> appearances_;
  std::vector<std::int64_t> starts_;  ///< [blocks + 1] number of each block's first sample
  std::int64_t epoch_ = -1;
  std::vector<std::int64_t> blocks_;       ///< as they lie in the line
  std::vector<std::int64_t> line_starts_;  ///< [blocks + 1] where each of them begins there
  std::vector<Lane> lanes_;
  std::size_t last_block_ = 0;  ///< in the line
};

}  // namespace ringtrain
