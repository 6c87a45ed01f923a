#include "trainer/predictions_file.h"

#include <gtest/gtest.h>

#include <atomic>

#include "comm/backends.h"
#include "common/errors.h"
#include "common/files.h"
#include "data/order/share.h"
#include "tests/common/temporary_folder.h"

namespace ringtrain {
namespace {

Evaluation answers_of_rank(Communicator& control, std::int64_t count) {
  Evaluation answers{.width = 2, .holders = Holders(control)};
  const Range share = even_share(count, control.rank(), control.world_size());
  for (auto i = share.begin; i < share.end; ++i) {
    const double score = 1 / static_cast<double>(i + 3);
    answers.scores.insert(answers.scores.end(), {score, 1 - score});
    answers.targets.push_back(static_cast<double>(i % 2));
    answers.rows.push_back(10 * i);
  }
  return answers;
}

std::string written(const std::filesystem::path& file, int ranks, std::int64_t count) {
  run_as_threads(ranks,
                 [&](Communicator& control) { write_predictions(file, answers_of_rank(control, count)); });
  return read_file(file);
}

TEST(PredictionsFile, HoldsAllRowsInOrder) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(written(folder.path() / "p.csv", 1, 2),
            "row,target,score0,score1\n0,0,0.3333333333333333,0.6666666666666667\n10,1,0.25,0.75\n");
}

TEST(PredictionsFile, HasTheSameBytesOnAnyNumberOfRanks) {
  const test::TemporaryFolder folder;
  const auto file = folder.path() / "p.csv";
  for (const std::int64_t count : {0, 1, 2, 60'000}) {  // the last: several pieces on each rank
    const auto expected = written(file, 1, count);
    for (const int ranks : {2, 3, 5}) EXPECT_EQ(written(file, ranks, count) == expected, true) << ranks;
  }
}

TEST(PredictionsFile, SeveralTargetsAreNumbered) {
  const test::TemporaryFolder folder;
  write_predictions(folder.path() / "p.csv",
                    {.width = 1, .target_width = 2, .scores = {3}, .targets = {1, 2}, .rows = {7}});
  EXPECT_EQ(read_file(folder.path() / "p.csv"), "row,target0,target1,score0\n7,1,2,3\n");
}

/// The others are not left waiting.
TEST(PredictionsFile, WhatRankZeroCannotWriteEndsAllRanks) {
  const test::TemporaryFolder folder;
  std::atomic<int> thrown = 0;
  run_as_threads(3, [&](Communicator& control) {
    try {
      write_predictions(folder.path() / "missing" / "p.csv", answers_of_rank(control, 10));
    } catch (const Error&) {
      ++thrown;
    }
  });
  EXPECT_EQ(thrown, 3);
}

}  // namespace
}  // namespace ringtrain
