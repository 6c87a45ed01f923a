// Metrics on up to 8 ranks, the rows dealt out in several ways: the bits of one rank.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <random>
#include <string>

#include "comm/backends.h"
#include "common/errors.h"
#include "trainer/metrics/classification.h"
#include "trainer/metrics/multilabel.h"
#include "trainer/metrics/regression.h"
#include "trainer/metrics/threshold.h"

namespace ringtrain {
namespace {

using Numbers = std::vector<double>;

struct Rows {
  std::string name;
  Numbers scores, labels;
};

Rows made(const std::string& name, std::size_t count, const std::function<double(std::size_t)>& score,
          const std::function<double(std::size_t)>& label) {
  Rows rows{name, {}, {}};
  for (std::size_t i = 0; i < count; ++i) {
    rows.scores.push_back(score(i));
    rows.labels.push_back(label(i));
  }
  return rows;
}

std::vector<Rows> cases() {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> uniform(0, 1);
  const auto drawn = [&](std::size_t) { return static_cast<double>(static_cast<float>(uniform(random))); };
  const auto third = [](std::size_t i) { return i % 3 == 0 ? 1.0 : 0.0; };
  const auto rising = [](std::size_t i) { return static_cast<double>(i) / 4000; };
  const auto tiny = [](std::size_t i) { return (i % 2 == 0 ? 1 : -1) * static_cast<double>(i % 5) * 5e-324; };
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return {made("drawn", 3000, drawn, [&](std::size_t) { return uniform(random) < 0.3 ? 1.0 : 0.0; }),
          made(
              "with ties", 3000, [&](std::size_t) { return std::round(uniform(random) * 50) / 50; }, third),
          made(
              "all equal", 1000, [](std::size_t) { return 0.25; }, third),
          made(
              "two scores", 1000, [](std::size_t i) { return i % 7 < 3 ? 0.5 : 0.75; }, third),
          made(
              "one score nearly everywhere", 3000,
              [&](std::size_t i) { return i % 10 == 0 ? uniform(random) : 0.5; }, third),
          made("negatives alone", 500, drawn, [](std::size_t) { return 0.0; }),
          made("positives alone", 500, drawn, [](std::size_t) { return 1.0; }),
          made("one positive", 500, drawn, [](std::size_t i) { return i == 317 ? 1.0 : 0.0; }),
          made("rising", 3000, rising, [](std::size_t i) { return i > 1500 ? 1.0 : 0.0; }),
          made(
              "falling", 3000, [&](std::size_t i) { return 1 - rising(i); }, third),
          made("subnormal, 0 and -0", 300, tiny, third),
          made(
              "infinite", 40,
              [&](std::size_t i) { return i % 4 == 0   ? infinity
                                          : i % 4 == 1 ? -infinity
                                                       : 0.5; }, third),
          made("no rows", 0, drawn, third),
          made("one row", 1, drawn, third),
          made("two rows", 2, drawn, third),
          made("five rows", 5, drawn, third)};
}

/// Where the rows of each rank begin: even shares, all on one rank, uneven ones with ranks that have none.
std::vector<std::vector<std::size_t>> ways_to_deal(std::size_t count, int ranks) {
  std::vector<std::size_t> even, last, uneven;
  for (int r = 0; r <= ranks; ++r) {
    even.push_back(count * static_cast<std::size_t>(r) / static_cast<std::size_t>(ranks));
    last.push_back(r == ranks ? count : 0);
    uneven.push_back(r == 0 ? 0 : r == ranks ? count : count / 3 + (r > ranks / 2 ? count / 3 : 0));
  }
  if (ranks != 3) return {even};  // threads that wait for each other take long
  return {even, last, uneven};
}

Numbers part_of(const Numbers& numbers, const std::vector<std::size_t>& begins, int rank,
                std::size_t width = 1) {
  const auto at = [&](int r) {
    return numbers.begin() + static_cast<std::ptrdiff_t>(begins[static_cast<std::size_t>(r)] * width);
  };
  return {at(rank), at(rank + 1)};
}

/// All bits, NaN included.
std::vector<std::uint64_t> bits_of(const MetricsReport& report) {
  std::vector<std::uint64_t> bits;
  for (const auto& [name, value] : report.values)
    bits.push_back(std::isnan(value) ? 1 : std::bit_cast<std::uint64_t>(value));
  for (const auto& row : report.confusion)
    for (const auto count : row) bits.push_back(static_cast<std::uint64_t>(count));
  return bits;
}

/// Calls `judge(holders, begins, rank)` on some numbers of ranks; each rank's answer must be that of one.
template <class Judge>
void expect_the_same(const std::string& name, std::size_t count, const Judge& judge) {
  const auto expected = judge(Holders(), {0, count}, 0);
  for (const int ranks : {1, 2, 3, 8})
    for (const auto& begins : ways_to_deal(count, ranks))
      run_as_threads(ranks, [&](Communicator& control) {
        EXPECT_EQ(judge(Holders(control), begins, control.rank()), expected)
            << name << " on " << ranks << " ranks, rank " << control.rank();
      });
}

using Begins = std::vector<std::size_t>;

TEST(MetricsOfRanks, OfTwoClassesAreThoseOfOneRank) {
  for (const auto& rows : cases())
    expect_the_same(rows.name, rows.scores.size(),
                    [&](const Holders& holders, const Begins& begins, int rank) {
                      return bits_of(binary_metrics(part_of(rows.scores, begins, rank),
                                                    part_of(rows.labels, begins, rank), 0.5, holders));
                    });
}

TEST(MetricsOfRanks, ThresholdsAreThoseOfOneRank) {
  for (const auto& rows : cases())
    expect_the_same(
        rows.name, rows.scores.size(), [&](const Holders& holders, const Begins& begins, int rank) {
          const auto scores = part_of(rows.scores, begins, rank), labels = part_of(rows.labels, begins, rank);
          const std::vector<RankedColumn> columns{{scores, labels}, {scores, labels, 0}};
          auto thresholds = best_f1_thresholds(columns, holders);
          for (const double ratio : {0.01, 1.0, 30.0})
            for (const double threshold : least_cost_thresholds(columns, ratio, holders))
              thresholds.push_back(threshold);
          return thresholds;
        });
}

/// [rows, 3] of what stands in `rows`, each column another one.
Numbers three_columns(const Rows& rows) {
  Numbers numbers;
  for (std::size_t i = 0; i < rows.scores.size(); ++i)
    for (std::size_t k = 0; k < 3; ++k) numbers.push_back(rows.scores[(i * 7 + k * 11) % rows.scores.size()]);
  return numbers;
}

TEST(MetricsOfRanks, OfSeveralClassesAndLabelsAreThoseOfOneRank) {
  for (const auto& rows : cases()) {
    const auto scores = three_columns(rows);
    Numbers classes, given;
    for (std::size_t i = 0; i < rows.labels.size(); ++i) {
      classes.push_back(rows.labels[i] > 0 ? 2 : static_cast<double>(i % 2));
      for (std::size_t k = 0; k < 3; ++k) given.push_back((i + k) % (2 + k) == 0 ? 1 : 0);
    }
    const Numbers thresholds{0.25, 0.5, 0.75};
    expect_the_same(rows.name, classes.size(), [&](const Holders& holders, const Begins& begins, int rank) {
      const auto mine = part_of(scores, begins, rank, 3);
      auto bits = bits_of(multiclass_metrics(mine, 3, part_of(classes, begins, rank), holders));
      for (const auto bit :
           bits_of(multilabel_metrics(mine, part_of(given, begins, rank, 3), thresholds, holders)))
        bits.push_back(bit);
      return bits;
    });
  }
}

TEST(MetricsOfRanks, OfNumbersAreThoseOfOneRank) {
  for (const auto& rows : cases()) {
    Numbers targets;
    for (std::size_t i = 0; i < rows.scores.size(); ++i)
      targets.push_back(rows.scores[i] * 1.1 + rows.labels[i] / 3 + 1e6);
    expect_the_same(rows.name, targets.size(), [&](const Holders& holders, const Begins& begins, int rank) {
      return bits_of(
          regression_metrics(part_of(rows.scores, begins, rank), part_of(targets, begins, rank), holders));
    });
  }
}

/// Each rank's groups, joined in rank order, are those of the scores in a map; and no rank has too many.
TEST(Ranking, RanksHoldRangesOfFallingScores) {
  for (const auto& rows : cases())
    for (const int ranks : {1, 2, 3, 5, 8})
      for (const auto& begins : ways_to_deal(rows.scores.size(), ranks)) {
        std::map<double, std::pair<std::int64_t, std::int64_t>, std::greater<>> expected;
        for (std::size_t i = 0; i < rows.scores.size(); ++i)
          ++(rows.labels[i] == 1 ? expected[rows.scores[i]].first : expected[rows.scores[i]].second);
        std::vector<std::vector<TieGroup>> found(static_cast<std::size_t>(ranks));
        run_as_threads(ranks, [&](Communicator& control) {
          const auto scores = part_of(rows.scores, begins, control.rank());
          const auto labels = part_of(rows.labels, begins, control.rank());
          const RankedColumn column{scores, labels};
          const Ranking ranking(std::span(&column, 1), Holders(control));
          ranking.for_each([&](std::size_t, const TieGroup& group) {
            found[static_cast<std::size_t>(control.rank())].push_back(group);
          });
        });
        auto next = expected.begin();
        for (const auto& groups : found) {
          EXPECT_LE(groups.size(), 2 * expected.size() / static_cast<std::size_t>(ranks) + 8) << rows.name;
          for (const auto& group : groups) {
            ASSERT_NE(next, expected.end()) << rows.name << ": a group is on two ranks";
            EXPECT_EQ(group.score, next->first) << rows.name;
            EXPECT_EQ(std::pair(group.positives, group.negatives), next->second) << rows.name;
            ++next;
          }
        }
        EXPECT_EQ(next, expected.end()) << rows.name << ": groups are missing";
      }
}

/// A rank's rows of one score are sent as few entries: so many rows fill one's count.
TEST(Ranking, ManyRowsOfOneScoreAreCounted) {
  constexpr std::size_t count = 3 * Ranking::Entry::kMostRows + 100;
  const Numbers scores(count, 0.5), labels(count, 1);
  run_as_threads(2, [&](Communicator& control) {
    const RankedColumn column{scores, labels};
    const Ranking ranking(std::span(&column, 1), Holders(control));
    std::int64_t groups = 0;
    ranking.for_each([&](std::size_t, const TieGroup& group) {
      ++groups;
      EXPECT_EQ(group.positives, 2 * static_cast<std::int64_t>(count));
    });
    EXPECT_EQ(Holders(control).sum(groups), 1);
  });
}

/// What one rank's rows break ends all ranks, and the row is counted over all.
TEST(MetricsOfRanks, BadRowsAreNamedOnAllRanks) {
  struct Bad {
    double score, label;
    std::string text;
  };
  for (const Bad& bad : {Bad{std::nan(""), 0, "the score of row 5 is not a number"},
                         Bad{0.5, 2, "the label of row 5 is 2, expected 0 to 1"},
                         Bad{0.5, -1, "the label of row 5 is -1, expected 0 to 1"}}) {
    std::atomic<int> thrown = 0;
    std::string text;
    run_as_threads(3, [&](Communicator& control) {
      Numbers scores{0.1, 0.2}, labels{0, 1};
      if (control.rank() == 2) scores[1] = bad.score, labels[1] = bad.label;
      try {
        binary_metrics(scores, labels, 0.5, Holders(control));
      } catch (const Error& error) {
        ++thrown;
        if (control.rank() == 0) text = error.what();
      }
    });
    EXPECT_EQ(thrown, 3);
    EXPECT_NE(text.find("rank 2 of 3"), std::string::npos) << text;
    EXPECT_NE(text.find("metrics: " + bad.text), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace ringtrain
