#include "serving/repository/used_versions.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <thread>

#include "common/errors.h"
#include "common/files.h"
#include "serving/repository/version_changes.h"
#include "serving/repository/version_state.h"
#include "tests/serving/test_models.h"
#include "tests/serving/thrown.h"

namespace ringtrain::test {
namespace {

namespace fs = std::filesystem;

class UsedVersions : public testing::Test {
 protected:
  void make(std::int64_t version) { fs::create_directories(model_ / std::to_string(version)); }
  std::int64_t next() const { return ReservedVersion(model_).number(); }

  TemporaryFolder base_;
  fs::path model_ = base_.path() / "fraud";
};

TEST_F(UsedVersions, TheFirstIsOneAndNothingIsLeft) {
  EXPECT_EQ(last_used_version(model_), 0);
  EXPECT_EQ(next(), 1);
  EXPECT_EQ(entries(model_), std::vector<std::string>{});
}

TEST_F(UsedVersions, ANumberIsNotGivenAgainWhenItsFolderIsDeletedByHand) {
  for (const std::int64_t version : {1, 2, 3}) make(version);
  remember_used_versions(model_);
  fs::remove_all(model_ / "3");
  EXPECT_EQ(next(), 4);
  fs::remove_all(model_ / "1");
  fs::remove_all(model_ / "2");
  EXPECT_EQ(next(), 4) << "not even when all are gone";
}

TEST_F(UsedVersions, MarksOfKilledExportsGoWithTheNextOne) {
  for (const char* name : {".2.taken", ".4.taken", ".x.taken", ".2.other"})
    fs::create_directories(model_ / name);
  make(1);
  EXPECT_EQ(next(), 3) << "2 may still be under way";
  make(3);
  remember_used_versions(model_);
  EXPECT_EQ(entries(model_),
            (std::vector<std::string>{".2.other", ".4.taken", ".last_version", ".x.taken", "1", "3"}));
}

TEST_F(UsedVersions, NorWhenItIsDeletedByTheCommand) {
  for (const std::int64_t version : {1, 2, 3}) make(version);
  delete_version(model_, 3, true);
  EXPECT_EQ(next(), 4);
  delete_version(model_, 2, true);
  delete_version(model_, 1, true);
  EXPECT_EQ(next(), 4);
}

TEST_F(UsedVersions, NorWhenVersionsJsonStillNamesIt) {
  make(1);
  VersionState{VersionState::Policy::latest, 1, {}, 1, {4}, {{"canary", 6}}}.write(model_);
  EXPECT_EQ(next(), 7);
}

TEST_F(UsedVersions, AMemoryThatIsDamagedCountsForNothing) {
  make(2);
  std::ofstream(model_ / ".last_version") << "many";
  EXPECT_EQ(next(), 3);
  remember_used_versions(model_);
  EXPECT_EQ(read_file(model_ / ".last_version"), "2\n");
}

TEST_F(UsedVersions, ThoseAtTheSameTimeGetDifferentNumbers) {
  constexpr int count = 16;
  std::vector<std::unique_ptr<ReservedVersion>> reserved(count);
  {
    std::vector<std::jthread> threads;
    for (auto& one : reserved)
      threads.emplace_back([&one, this] { one = std::make_unique<ReservedVersion>(model_); });
  }
  std::set<std::int64_t> numbers;
  for (const auto& one : reserved) numbers.insert(one->number());
  EXPECT_EQ(numbers.size(), std::size_t{count});
  EXPECT_EQ(*numbers.rbegin(), count);
  reserved.clear();
  EXPECT_EQ(next(), 1) << "none was published";
}

TEST_F(UsedVersions, AFolderThatCannotBeMadeIsNamed) {
  std::ofstream(base_.path() / "file") << "x";
  EXPECT_NE(thrown<Error>([&] { ReservedVersion(base_.path() / "file" / "fraud"); }).find("cannot create"),
            std::string::npos);
}

}  // namespace
}  // namespace ringtrain::test
