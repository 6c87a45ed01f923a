#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>

#include "data/blocks/block_index.h"
#include "data/blocks/block_plan.h"
#include "data/blocks/row_records.h"

namespace ringtrain {

/// Makes samples of the rows of a block: read, checked, preprocessed, as TableDataset does in memory. Any
/// thread.
class BlockDecoder {
 public:
  /// All outlive it. `config`: with the file of the index as train_file. `type`: of the model's inputs.
  BlockDecoder(const BlockIndex& index, const BlockPlan& plan, const TableConfig& config, TargetKind kind,
               at::ScalarType type);

  const RowRecords& records() const { return records_; }
  /// Calls `take(part, record)` for each row, in the order of the file. Throws DataError where the block is
  /// not what the plan was made of.
  void decode(std::size_t block, const std::function<void(SplitPart, std::string_view)>& take) const;
  /// Up to `most` rows of a part, from its beginning: their raw values, and their samples.
  CheckedPiece first_rows(SplitPart part, std::int64_t most) const;

 private:
  /// [rows]; empty where the target is no class.
  std::vector<std::int64_t> classes_of(const CheckedPiece& piece, ClassNumbers& numbers) const;
  std::vector<SplitPart> parts_of(const CheckedPiece& piece, const std::vector<std::int64_t>& classes) const;
  /// The samples of all rows, in their order.
  Batch batch_of(const CheckedPiece& piece, const std::vector<std::int64_t>& classes) const;

  const BlockIndex& index_;
  const BlockPlan& plan_;
  const TableConfig& config_;
  TargetKind kind_;
  at::ScalarType type_;
  RowRecords records_;
};

}  // namespace ringtrain
