#include "data/blocks/row_split.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "comm/agreement.h"
#include "comm/gather_rows.h"
#include "common/errors.h"
#include "common/hash.h"
#include "common/text.h"
#include "data/schema/classes.h"

namespace ringtrain {
namespace {

constexpr std::size_t kMostClasses = 1000;
constexpr std::int64_t kRowsAtOnce = 8192;
constexpr int kBinBits = 12;
constexpr std::int64_t kBins = std::int64_t{1} << kBinBits;
constexpr RowSplit::Place kNoLimit{std::numeric_limits<std::uint64_t>::max(),
                                   std::numeric_limits<std::int64_t>::max()};

std::int64_t bin_of(std::uint64_t hash) { return static_cast<std::int64_t>(hash >> (64 - kBinBits)); }

/// Calls `take(word, row)` for each row with a class in this rank's share of the blocks.
template <class Take>
void for_each_class(const BlockIndex& index, const CheckedRows& rows, Communicator& control, Take take) {
  WantedColumns wanted = rows.wanted();
  wanted.numeric.clear();
  wanted.categorical = {wanted.categorical.back()};
  for (auto b = static_cast<std::size_t>(control.rank()); b < index.blocks.size();
       b += static_cast<std::size_t>(control.world_size())) {
    const auto stream = open_block(index, index.blocks[b], wanted);
    ColumnPiece piece;
    while (stream->next(piece, kRowsAtOnce))
      for (std::int64_t row = 0; row < piece.rows(); ++row) {
        const auto& word = piece.categorical[0][static_cast<std::size_t>(row)];
        if (!word.empty()) take(word, piece.number(row));
      }
  }
}

void require_few(std::size_t classes, const TableConfig& config) {
  if (classes > kMostClasses)
    throw DataError(
        fmt::format("{}: column '{}' (data.target) has more distinct values than a classification takes "
                    "({}). To predict a number, set task.type: regression",
                    config.train_file, config.targets.at(0), kMostClasses));
}

/// The words of all ranks.
std::vector<std::string> joined_words(Communicator& control, const std::set<std::string>& mine) {
  std::set<std::string> all;
  for (const auto& text : all_gather_strings(control, nlohmann::json(mine).dump()))
    for (const auto& word : nlohmann::json::parse(text)) all.insert(word.get<std::string>());
  return {all.begin(), all.end()};
}

/// The bin in which the row of place `k` is, from 0, and how many rows are before that bin; a bin behind the
/// last one where there are not so many.
struct Bin {
  std::int64_t bin, before;
};
Bin bin_of_place(const std::int64_t* histogram, std::int64_t k) {
  std::int64_t before = 0;
  for (std::int64_t bin = 0; bin < kBins; ++bin) {
    if (k < before + histogram[bin]) return {bin, before};
    before += histogram[bin];
  }
  return {kBins, before};
}

}  // namespace

ClassNumbers::ClassNumbers(std::vector<std::string> labels, int version)
    : labels_(std::move(labels)), version_(version) {}

std::int64_t ClassNumbers::of(const std::string& word) {
  const auto known = numbers_.find(word);
  if (known != numbers_.end()) return known->second;
  auto found = std::find(labels_.begin(), labels_.end(), word);
  if (found == labels_.end())
    found = std::find(labels_.begin(), labels_.end(), name_classes({word}, version_).labels[0]);
  const auto number = found == labels_.end() ? std::int64_t{-1} : found - labels_.begin();
  if (numbers_.size() < 10 * kMostClasses) numbers_.emplace(word, number);
  return number;
}

SplitPart RowSplit::part(std::int64_t row, std::int64_t row_class, std::string_view group) const {
  if (only) return *only;
  if (!config.group.empty()) return part_by_hash(config, group_place(hash_bytes(group), seed));
  const auto hash = split_hash(row, seed_of_repeat(config, seed));
  if (classes.empty()) return part_by_hash(config, hash);
  const auto& limits = classes.at(static_cast<std::size_t>(row_class));
  const Place place{hash, row};
  return place >= limits.test && place < limits.end ? SplitPart::test
         : place < limits.validation                ? SplitPart::train
                                                    : SplitPart::validation;
}

void RowSplit::parts_of(const CheckedPiece& piece, const std::vector<std::int64_t>& row_classes,
                        std::vector<SplitPart>& parts) const {
  parts.clear();
  for (std::size_t r = 0; r < piece.numbers.size(); ++r)
    parts.push_back(part(piece.numbers[r], row_classes.empty() ? 0 : row_classes[r],
                         piece.groups.empty() ? std::string_view() : std::string_view(piece.groups[r])));
}

nlohmann::json RowSplit::to_json() const {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [validation, test, end] : classes)
    list.push_back({validation.hash, validation.row, test.hash, test.row, end.hash, end.row});
  return list;
}

void RowSplit::read_limits(const nlohmann::json& json) {
  classes.clear();
  for (const auto& j : json) {
    const auto place = [&](std::size_t at) {
      return Place{j.at(at).get<std::uint64_t>(), j.at(at + 1).get<std::int64_t>()};
    };
    classes.push_back({place(0), place(2), place(4)});
  }
}

ClassCounts split_classes(const BlockIndex& index, const CheckedRows& rows, const TableConfig& config,
                          RowSplit& split, Communicator& control) {
  const auto seed = seed_of_repeat(config.split, split.seed);
  std::map<std::string, std::vector<std::int64_t>> bins;  // of each word's rows, by hash
  together(control, "counting the classes", [&] {
    for_each_class(index, rows, control, [&](const std::string& word, std::int64_t row) {
      auto& histogram = bins[word];
      if (histogram.empty()) {
        require_few(bins.size(), config);
        histogram.assign(kBins, 0);
      }
      ++histogram[static_cast<std::size_t>(bin_of(split_hash(row, seed)))];
    });
  });
  std::set<std::string> mine;
  for (const auto& [word, histogram] : bins) mine.insert(word);
  ClassCounts counts{joined_words(control, mine), {}};
  together(control, "counting the classes", [&] { require_few(counts.words.size(), config); });

  const auto classes = static_cast<std::int64_t>(counts.words.size());
  const at::Tensor histograms = at::zeros({classes, kBins}, at::kLong);
  auto* all = histograms.mutable_data_ptr<std::int64_t>();
  for (std::int64_t c = 0; c < classes; ++c) {
    const auto found = bins.find(counts.words[static_cast<std::size_t>(c)]);
    if (found != bins.end()) std::copy(found->second.begin(), found->second.end(), all + c * kBins);
  }
  bins.clear();
  if (classes > 0) control.all_reduce(histograms).wait();
  struct Wanted {
    std::int64_t place;  ///< in its class, by hash
    Bin bin;
  };
  std::vector<std::array<Wanted, 3>> wanted;
  std::int64_t before = 0;  // rows of the classes before
  for (std::int64_t c = 0; c < classes; ++c) {
    const auto* histogram = all + c * kBins;
    std::int64_t count = 0;
    for (std::int64_t bin = 0; bin < kBins; ++bin) count += histogram[bin];
    counts.rows.push_back(count);
    const auto shares = shares_of_class(config.split, count, before);
    before += count;
    wanted.push_back({Wanted{shares.to_validation, bin_of_place(histogram, shares.to_validation)},
                      Wanted{shares.to_test, bin_of_place(histogram, shares.to_test)},
                      Wanted{shares.to_end, bin_of_place(histogram, shares.to_end)}});
  }
  split.classes.clear();
  if (split.only || !config.split.stratify || !config.split.group.empty()) return counts;

  std::vector<std::int64_t> near;  // class, hash, row of each in the bins of the limits
  together(control, "splitting the classes", [&] {
    for_each_class(index, rows, control, [&](const std::string& word, std::int64_t row) {
      const auto c = std::lower_bound(counts.words.begin(), counts.words.end(), word) - counts.words.begin();
      const auto hash = split_hash(row, seed);
      const auto& limits = wanted.at(static_cast<std::size_t>(c));
      if (std::any_of(limits.begin(), limits.end(),
                      [&](const Wanted& one) { return bin_of(hash) == one.bin.bin; }))
        near.insert(near.end(), {c, static_cast<std::int64_t>(hash), row});
    });
  });
  const at::Tensor of_all =
      all_gather_rows(control, at::tensor(near, at::kLong).reshape({-1, 3})).contiguous();
  std::vector<std::vector<RowSplit::Place>> places(counts.words.size());
  const auto* row = of_all.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < of_all.size(0); ++i, row += 3)
    places[static_cast<std::size_t>(row[0])].push_back({static_cast<std::uint64_t>(row[1]), row[2]});
  for (std::size_t c = 0; c < places.size(); ++c) {
    std::sort(places[c].begin(), places[c].end());
    const auto limit = [&](const Wanted& one) {
      if (one.bin.bin == kBins) return kNoLimit;
      const auto first = std::partition_point(places[c].begin(), places[c].end(), [&](const auto& place) {
        return bin_of(place.hash) < one.bin.bin;
      });
      return first[one.place - one.bin.before];
    };
    split.classes.push_back({limit(wanted[c][0]), limit(wanted[c][1]), limit(wanted[c][2])});
  }
  return counts;
}

}  // namespace ringtrain
