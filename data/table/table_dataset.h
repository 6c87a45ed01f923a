#pragma once

#include <utility>
#include <vector>

#include "data/dataset.h"
#include "data/profile/data_profile.h"
#include "data/schema/preprocessing.h"
#include "data/table/table.h"

namespace ringtrain {

/// One part of a table, preprocessed and in memory: sample i is row `rows[i]`.
class TableDataset : public Dataset {
 public:
  TableDataset(const Table& table, const Preprocessing& preprocessing, std::vector<std::int64_t> rows);
  std::int64_t size() const override { return static_cast<std::int64_t>(rows_.size()); }
  /// From now on all rows count alike.
  void drop_weights() { weights_.reset(); }
  /// Of its rows, kept for an export; empty where nobody gave one.
  void keep_profile(DataProfile profile) { profile_ = std::move(profile); }
  const DataProfile& profile() const { return profile_; }
  Batch read(const std::vector<std::int64_t>& indices) const override;

 private:
  std::vector<std::int64_t> rows_;
  Fields inputs_;
  at::Tensor targets_, weights_, row_numbers_;
  DataProfile profile_;
};

}  // namespace ringtrain
