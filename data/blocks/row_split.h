#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "comm/communicator.h"
#include "data/blocks/block_index.h"
#include "data/order/split_rule.h"
#include "data/table/checked_rows.h"

namespace ringtrain {

/// The number of a class by the word that a row has for it.
class ClassNumbers {
 public:
  /// `version`: of the reading (classes.h).
  explicit ClassNumbers(std::vector<std::string> labels, int version = 2);
  const std::vector<std::string>& labels() const { return labels_; }
  /// -1: none of them.
  std::int64_t of(const std::string& word);

 private:
  std::vector<std::string> labels_;
  int version_;
  std::unordered_map<std::string, std::int64_t> numbers_;  ///< those that were asked for
};

/// Where a row goes, from its number, class and group alone: the same split as make_split's (split.h),
/// without a list of rows. Stratified, a row is in a part by its (hash, number) against the limits of its
/// class. Not by time; folds of classes alone.
struct RowSplit {
  struct Place {
    std::uint64_t hash;
    std::int64_t row;
    auto operator<=>(const Place&) const = default;
  };
  /// Of a class: the places of its shares (ClassShares).
  struct Limits {
    Place validation, test, end;
  };
  SplitConfig config;
  std::uint64_t seed = 0;
  std::optional<SplitPart> only{};  ///< all rows are in it
  std::vector<Limits> classes;      ///< by class; empty where the hash alone decides

  /// `group`: the value of data.split.group.
  SplitPart part(std::int64_t row, std::int64_t row_class, std::string_view group) const;
  /// `parts`: [rows] of `piece`. `row_classes`: [rows], or empty where the target is no class.
  void parts_of(const CheckedPiece& piece, const std::vector<std::int64_t>& row_classes,
                std::vector<SplitPart>& parts) const;
  nlohmann::json to_json() const;
  /// The limits; config and seed are what they were.
  void read_limits(const nlohmann::json& json);
};

/// Rows by class, of all blocks.
struct ClassCounts {
  std::vector<std::string> words;  ///< as the rows have them, sorted by their bytes
  std::vector<std::int64_t> rows;
};

/// The words of the target column, and the limits that divide each into its shares: two passes over that
/// column, each rank over its share of the blocks; nothing is sorted whole. A histogram of the hashes says
/// where the k-th one lies, and only the rows there are looked at. The limits stand by word, as `counts`.
/// Collective.
ClassCounts split_classes(const BlockIndex& index, const CheckedRows& rows, const TableConfig& config,
                          RowSplit& split, Communicator& control);

}  // namespace ringtrain
