#include "comm/launcher.h"

#include <gtest/gtest.h>

#include <map>

namespace ringtrain::launcher {
namespace {

using Variables = std::map<std::string, std::string>;

Environment from(const Variables& variables) {
  return [&variables](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
}

const MpiLibrary open_mpi{.open_mpi = true, .speaks_pmi = false, .name = "Open MPI v4.1.4"};
const MpiLibrary with_pmi{.open_mpi = true, .speaks_pmi = true, .name = "Open MPI v4.0"};
const MpiLibrary mpich{.open_mpi = false, .speaks_pmi = true, .name = "MPICH Version: 4.0"};

/// What launchers set, as seen with Open MPI 4.1's mpirun, Slurm 22.05 and MPICH's Hydra.
const Variables by_mpirun{{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"PMIX_RANK", "1"}};
const Variables by_pmix{
    {"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_PROCID", "1"}, {"SLURM_MPI_TYPE", "pmix"}, {"PMIX_RANK", "1"}};
const Variables by_pmi2{{"SLURM_STEP_NUM_TASKS", "4"},
                        {"SLURM_PROCID", "1"},
                        {"SLURM_MPI_TYPE", "pmi2"},
                        {"PMI_RANK", "1"},
                        {"PMI_SIZE", "4"},
                        {"PMI_FD", "9"}};
const Variables by_none{{"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_PROCID", "1"}, {"SLURM_MPI_TYPE", "none"}};
const Variables by_hydra{{"PMI_RANK", "1"}, {"PMI_SIZE", "4"}, {"PMI_FD", "9"}};
const Variables mpirun_in_a_step{
    {"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"SLURM_STEP_NUM_TASKS", "2"}};

TEST(Launcher, WhatFitsIsLeftAlone) {
  for (const auto* variables : {&by_mpirun, &by_pmix, &mpirun_in_a_step})
    EXPECT_FALSE(mismatch(from(*variables), open_mpi));
  EXPECT_FALSE(mismatch(from(by_pmi2), with_pmi));
  EXPECT_FALSE(mismatch(from(by_pmi2), mpich));
  EXPECT_FALSE(mismatch(from(by_hydra), mpich));
  EXPECT_FALSE(mismatch(from({}), open_mpi));
}

void expect_words(const std::optional<std::string>& text, const std::vector<std::string>& words) {
  ASSERT_TRUE(text);
  for (const auto& word : words)
    EXPECT_NE(text->find(word), std::string::npos) << word << " is not in: " << *text;
}

TEST(Launcher, WhatDoesNotFitIsExplained) {
  expect_words(mismatch(from(by_pmi2), open_mpi), {"4 processes", "'pmi2'", "Open MPI v4.1.4", "--mpi=pmix"});
  expect_words(mismatch(from(by_none), open_mpi), {"4 processes", "'none'", "rank 0 of 1", "--mpi=pmix"});
  expect_words(mismatch(from(by_none), mpich), {"'none'", "MPICH"});
  expect_words(mismatch(from(by_hydra), open_mpi),
               {"another MPI's mpirun", "rank 0 of 1", "Open MPI's mpirun"});
  expect_words(mismatch(from(by_mpirun), mpich), {"MPICH Version: 4.0"});
}

TEST(Launcher, OneTaskWithoutAProtocolIsAProcessByItself) {
  const Variables one{{"SLURM_STEP_NUM_TASKS", "1"}, {"SLURM_PROCID", "0"}, {"SLURM_MPI_TYPE", "none"}};
  EXPECT_FALSE(started_rank(from(one)));
  EXPECT_FALSE(mismatch(from(one), open_mpi));
  EXPECT_TRUE(started_rank(from(by_none)));
  EXPECT_TRUE(started_rank(from(by_pmix)));
}

TEST(Launcher, CountsAsTheLauncherDoes) {
  EXPECT_EQ(announced_ranks(from(mpirun_in_a_step)), 4);
  EXPECT_EQ(announced_ranks(from(by_none)), 4);
  EXPECT_EQ(announced_ranks(from({})), 0);
  for (const auto* variables : {&by_mpirun, &by_pmix, &by_pmi2, &by_none, &by_hydra})
    EXPECT_EQ(announced_rank(from(*variables)), 1);
  EXPECT_EQ(announced_rank(from({{"SLURM_PROCID", "3"}})), 0) << "set in every batch script";
}

TEST(Launcher, ThisLibraryHasAName) { EXPECT_FALSE(MpiLibrary::of_process().name.empty()); }

}  // namespace
}  // namespace ringtrain::launcher
