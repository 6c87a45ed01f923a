#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "data/blocks/block_index.h"
#include "data/blocks/row_split.h"
#include "data/schema/preprocessing.h"

namespace ringtrain {

/// What was found out of a table in blocks before it is read in an order: which of a block's rows are in
/// which part, and the preprocessing that was fitted on those of the training part.
struct BlockPlan {
  std::vector<std::array<std::int64_t, 3>> rows;  ///< [blocks] of the three parts
  RowSplit split;
  Preprocessing preprocessing;
  std::vector<std::int64_t> class_counts;  ///< of the training part; empty but for classes and flags
  std::int64_t dropped_rows = 0, bad_rows = 0;
  std::string first_bad, note;

  std::int64_t rows_of(SplitPart part) const;
  nlohmann::json to_json() const;
  /// The warning of Split (split.h) for parts of whole groups; else "".
  std::string far_from_shares() const;
  static BlockPlan from_json(const nlohmann::json& json, const SplitConfig& split, std::uint64_t seed);
};

/// What a plan follows from, beside the index.
struct PlanRequest {
  const TableConfig& config;
  TargetKind kind;
  at::ScalarType type;
  std::uint64_t seed;
  const Preprocessing* schema;  ///< of a model that was trained, or null: it is fitted
  std::string positive;         ///< the class that is class 1, or ""
  bool scales_target;
  std::optional<SplitPart> only{};  ///< all rows are in this part
};

/// Reads the table once, and its classes twice before, each rank its share of the blocks. Statistics are kept
/// by block and joined in the order of blocks. Throws, on all ranks alike, DataError with what is wrong with
/// the rows, as read_table and make_split do. Collective.
BlockPlan make_plan(const BlockIndex& index, const PlanRequest& request, Communicator& control);

/// The plan that one of `folders` keeps for this index and request; else it is made and kept in the first one
/// that can be written. Collective.
BlockPlan open_plan(const std::vector<Location>& folders, const BlockIndex& index, const PlanRequest& request,
                    Communicator& control);

}  // namespace ringtrain
