#include "trainer/metrics/ranking.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "comm/exchange_rows.h"
#include "comm/gather_rows.h"
#include "common/errors.h"

namespace ringtrain {
namespace {

using Entry = Ranking::Entry;
static_assert(sizeof(Entry) == 16 && std::is_trivially_copyable_v<Entry>, "entries are sent as bytes");
constexpr auto kEntryBytes = static_cast<std::int64_t>(sizeof(Entry));

/// Rows of several columns are sorted together while there are fewer.
constexpr std::int64_t kRowsTogether = 1 << 20;

/// One a row, sorted.
std::vector<Entry> entries_of(std::span<const RankedColumn> columns, std::int64_t rows_before) {
  std::vector<Entry> entries;
  std::size_t rows = 0;
  for (const auto& column : columns) {
    if (column.scores.size() != column.labels.size())
      throw Error(
          fmt::format("metrics: {} scores but {} labels", column.scores.size(), column.labels.size()));
    rows += column.scores.size();
  }
  entries.reserve(rows);
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const auto& [scores, labels, positive] = columns[c];
    const auto begin = static_cast<std::ptrdiff_t>(entries.size());
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if (std::isnan(scores[i]))
        throw TrainingError(fmt::format("metrics: the score of row {} is not a number",
                                        rows_before + static_cast<std::int64_t>(i)));
      const std::uint16_t is_positive = labels[i] == positive ? 1 : 0, is_negative = 1 - is_positive;
      entries.push_back(
          {scores[i] + 0.0, static_cast<std::uint16_t>(c), is_positive, is_negative});  // -0 is 0
    }
    std::sort(entries.begin() + begin, entries.end());
  }
  return entries;
}

/// Joins neighbours of one score in place; returns how many are left.
std::size_t folded(std::span<Entry> entries) {
  std::size_t last = 0;
  for (std::size_t i = 1; i < entries.size(); ++i) {
    Entry& into = entries[last];
    const Entry& one = entries[i];
    const std::uint32_t positives = into.positives + std::uint32_t{one.positives};
    const std::uint32_t negatives = into.negatives + std::uint32_t{one.negatives};
    if (one.same(into) && positives <= Entry::kMostRows && negatives <= Entry::kMostRows) {
      into.positives = static_cast<std::uint16_t>(positives);
      into.negatives = static_cast<std::uint16_t>(negatives);
    } else {
      entries[++last] = one;
    }
  }
  return entries.empty() ? 0 : last + 1;
}

/// Regular samples of every rank's sorted entries, sorted; without rows.
std::vector<Entry> samples_of(Communicator& ranks, std::span<const Entry> entries, std::int64_t total) {
  // A rank's range holds at most an even share, and `stride` more of each rank: a (64 + ranks)th of all.
  const std::int64_t wanted = ranks.world_size() * (64 + ranks.world_size());
  const auto stride = static_cast<std::size_t>(std::max<std::int64_t>(1, total / wanted));
  std::vector<double> mine;
  for (std::size_t i = stride; i <= entries.size(); i += stride) {
    mine.push_back(static_cast<double>(entries[i - 1].column));
    mine.push_back(entries[i - 1].score);
  }
  const auto all = all_gather_rows(
      ranks, at::tensor(mine, at::kDouble).view({static_cast<std::int64_t>(mine.size() / 2), 2}));
  const auto* numbers = all.const_data_ptr<double>();
  std::vector<Entry> samples;
  for (std::int64_t i = 0; i < all.size(0); ++i)
    samples.push_back({numbers[2 * i + 1], static_cast<std::uint16_t>(numbers[2 * i]), 0, 0});
  std::sort(samples.begin(), samples.end());
  return samples;
}

/// How many of the sorted entries go to each rank.
std::vector<std::int64_t> parts_of(std::span<const Entry> entries, const std::vector<Entry>& samples,
                                   std::size_t ranks) {
  std::vector<std::int64_t> counts;
  auto begin = entries.begin();
  for (std::size_t r = 1; r < ranks; ++r) {
    const auto end = std::lower_bound(begin, entries.end(), samples[samples.size() * r / ranks]);
    counts.push_back(end - begin);
    begin = end;
  }
  counts.push_back(entries.end() - begin);
  return counts;
}

}  // namespace

Ranking::Ranking(std::span<const RankedColumn> columns, const Holders& holders)
    : all_(columns.size()), before_(columns.size()) {
  const auto rows = columns.empty() ? 0 : columns[0].scores.size();
  const auto rows_before = holders.before(static_cast<std::int64_t>(rows));
  holders.together([&] {
    if (columns.size() > kMostColumns)
      throw Error(fmt::format("metrics: {} columns are ranked together, at most {} can be", columns.size(),
                              kMostColumns));
    own_ = entries_of(columns, rows_before);
  });
  own_.resize(folded(own_));
  entries_ = own_;
  if (holders.ranks()) exchange(holders);
  count(holders);
}

void Ranking::exchange(const Holders& holders) {
  Communicator& ranks = *holders.ranks();
  const auto total = holders.sum(static_cast<std::int64_t>(own_.size()));
  if (total == 0) return;
  const auto samples = samples_of(ranks, own_, total);
  const auto counts = parts_of(own_, samples, static_cast<std::size_t>(holders.count()));
  const auto mine =
      at::from_blob(own_.data(), {static_cast<std::int64_t>(own_.size()), kEntryBytes}, at::kByte);
  received_ = exchange_rows(ranks, mine, counts);
  own_ = {};
  entries_ = {reinterpret_cast<Entry*>(received_.data_ptr()), static_cast<std::size_t>(received_.size(0))};
  std::sort(entries_.begin(), entries_.end());
  entries_ = entries_.first(folded(entries_));
}

void Ranking::count(const Holders& holders) {
  std::vector<std::int64_t> here(2 * columns());
  for_each([&](std::size_t column, const TieGroup& group) {
    here[2 * column] += group.positives;
    here[2 * column + 1] += group.negatives;
  });
  const auto of_ranks = holders.of_each(here);
  for (std::size_t i = 0; i < of_ranks.size(); i += 2) {
    const auto column = i / 2 % columns();
    const bool earlier = i / here.size() < static_cast<std::size_t>(holders.rank());
    for (auto* sum : {&all_[column], earlier ? &before_[column] : nullptr}) {
      if (!sum) continue;
      sum->positives += of_ranks[i];
      sum->negatives += of_ranks[i + 1];
    }
  }
}

void in_rankings(std::span<const RankedColumn> columns, const Holders& holders,
                 const std::function<void(const Ranking&, std::size_t)>& take) {
  const auto rows = columns.empty() ? 0 : static_cast<std::int64_t>(columns[0].scores.size());
  const auto most = std::max<std::int64_t>(1, holders.largest(rows));
  const auto together =
      static_cast<std::size_t>(std::clamp<std::int64_t>(kRowsTogether / most, 1, Ranking::kMostColumns));
  for (std::size_t first = 0; first < columns.size(); first += together)
    take(Ranking(columns.subspan(first, std::min(together, columns.size() - first)), holders), first);
}

}  // namespace ringtrain
